import torch

from goldpan.allocation.selection import highest_among
from goldpan.regrowth.drop import magnitude, magnitude_by_sign
from goldpan.regrowth.update import LayerState

W = torch.tensor([0.1, 0.2, 0.3, 0.4, -1.0, -2.0, -3.0, -4.0, 0, 0])
LAYER = LayerState("w", 1, W, W != 0)


def test_magnitude_drops_the_smallest_of_both_signs() -> None:
    (kept,) = highest_among([LAYER.mask], [magnitude(LAYER)], 4)
    assert kept.nonzero().flatten().tolist() == [4, 5, 6, 7]


def test_by_sign_the_same_fraction_of_either_sign_goes() -> None:
    ranks = magnitude_by_sign(LAYER)
    assert ranks[:8].tolist() == [0.25, 0.5, 0.75, 1.0] * 2
    (kept,) = highest_among([LAYER.mask], [ranks], 4)
    assert kept.nonzero().flatten().tolist() == [2, 3, 6, 7]
