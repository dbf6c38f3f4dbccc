import pytest
import torch

from goldpan.allocation.erk import erk_densities


def test_erk_densities_follow_shapes() -> None:
    """raw density (sum of shape) / product: 20/100 and 40/400, so eps = 100 / (20 + 40)."""
    shapes = {"a": torch.Size([10, 10]), "b": torch.Size([20, 20])}
    densities = erk_densities(shapes, 0.8)
    assert densities == pytest.approx({"a": 0.2 * 100 / 60, "b": 0.1 * 100 / 60})


def test_erk_makes_layers_dense_that_would_exceed_one() -> None:
    shapes = {"tiny": torch.Size([2, 2]), "wide": torch.Size([100, 100])}
    densities = erk_densities(shapes, 0.9)
    assert densities["tiny"] == 1.0
    assert densities["wide"] == pytest.approx((0.1 * 10_004 - 4) / 10_000)
