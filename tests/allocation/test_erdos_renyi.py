from math import exp

import pytest
import torch

from goldpan.allocation.erdos_renyi import erdos_renyi_densities

TUTORIAL = {"1": (1000, 784), "2": (1000, 1000), "3": (1000, 1000), "4": (10, 1000)}
"""The MLP of SET's tutorial."""


def test_the_tutorials_thirteen_draws_a_unit_are_its_densities() -> None:
    shapes = {name: torch.Size(shape) for name, shape in TUTORIAL.items()}
    expected = [1 - exp(-13 * sum(shape) / shape.numel()) for shape in shapes.values()]
    assert expected[-1] == pytest.approx(0.731, abs=1e-3)
    kept = sum(d * s.numel() for d, s in zip(expected, shapes.values(), strict=True))
    total = sum(shape.numel() for shape in shapes.values())
    assert kept / total == pytest.approx(0.02917, abs=1e-5)
    found = erdos_renyi_densities(shapes, 1 - kept / total)
    assert list(found.values()) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.999])
def test_the_budget_is_met(sparsity: float) -> None:
    shapes = {"small": torch.Size([2, 2]), "wide": torch.Size([100, 100, 3, 3])}
    found = erdos_renyi_densities(shapes, sparsity)
    kept = sum(found[name] * shape.numel() for name, shape in shapes.items())
    assert kept == pytest.approx((1 - sparsity) * 90_004, rel=1e-6)
    assert all(0 <= density <= 1 for density in found.values())
