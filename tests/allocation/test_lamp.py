import pytest
import torch

from goldpan.allocation.lamp import lamp, lamp_scores
from goldpan.masks import Masks


def scores(**layers: list[float]) -> tuple[dict[str, torch.Tensor], Masks]:
    tensors = {name: torch.tensor(values) for name, values in layers.items()}
    return tensors, Masks({n: torch.ones_like(t, dtype=torch.bool) for n, t in tensors.items()})


def test_lamp_scores_by_hand() -> None:
    """Squares 1, 4, 9: 1/14, 4/13, 9/9."""
    score = lamp_scores(torch.tensor([1.0, 2.0, 3.0]), torch.ones(3, dtype=torch.bool))
    assert score.tolist() == pytest.approx([1 / 14, 4 / 13, 1.0])


def test_lamp_leaves_every_layer_its_best() -> None:
    given, alive = scores(small=[0.1, 0.2], large=[30.0, 40.0, 50.0, 60.0])
    kept = lamp(given, 0.66, alive)
    assert kept["small"].tolist() == [False, True]
    assert kept["large"].tolist() == [False, False, False, True]


def test_lamp_refuses_negative_scores() -> None:
    given, alive = scores(a=[1.0, -1.0])
    with pytest.raises(ValueError, match="negative ones in a"):
        lamp(given, 0.5, alive)
