import torch

from goldpan.allocation.layerwise import layerwise
from goldpan.masks import Masks


def test_every_layer_keeps_the_same_fraction() -> None:
    scores = {"small": torch.tensor([1.0, 2.0]), "large": torch.tensor([3.0, 4.0])}
    alive = Masks({name: score > 0 for name, score in scores.items()})
    assert layerwise(scores, 0.5, alive).layers() == {"small": 0.5, "large": 0.5}
