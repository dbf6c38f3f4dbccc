import pytest
import torch

from goldpan.allocation.igq import igq_densities


def test_igq_densities_are_those_of_one_force() -> None:
    sizes = {"a": 100, "b": 10_000}
    densities = igq_densities({name: torch.Size([n]) for name, n in sizes.items()}, 0.9)
    forces = [(1 / density - 1) / sizes[name] for name, density in densities.items()]
    assert forces[0] == pytest.approx(forces[1])
    assert sum(densities[n] * size for n, size in sizes.items()) == pytest.approx(0.1 * 10_100)


def test_igq_keeps_everything_at_sparsity_zero() -> None:
    assert igq_densities({"a": torch.Size([3]), "b": torch.Size([5])}, 0.0) == {"a": 1.0, "b": 1.0}
