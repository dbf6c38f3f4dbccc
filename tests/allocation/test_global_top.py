import torch

from goldpan.allocation.global_top import global_top
from goldpan.masks import Masks


def test_one_ranking_may_empty_a_layer() -> None:
    scores = {"small": torch.tensor([1.0, 2.0]), "large": torch.tensor([3.0, 4.0])}
    alive = Masks({name: score > 0 for name, score in scores.items()})
    assert global_top(scores, 0.5, alive).layers() == {"small": 1.0, "large": 0.0}
