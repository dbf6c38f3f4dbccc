"""Which densities each allocation gives its layers, by hand."""

import pytest
import torch

from goldpan.allocation.erk import erk_densities
from goldpan.allocation.global_top import global_top
from goldpan.allocation.igq import igq_densities
from goldpan.allocation.lamp import lamp, lamp_scores
from goldpan.allocation.layerwise import layerwise
from goldpan.allocation.quotas import apportion
from goldpan.masks import Masks


def scores(**layers: list[float]) -> tuple[dict[str, torch.Tensor], Masks]:
    tensors = {name: torch.tensor(values) for name, values in layers.items()}
    return tensors, Masks({n: torch.ones_like(t, dtype=torch.bool) for n, t in tensors.items()})


def test_global_top_may_empty_a_layer_and_layerwise_does_not() -> None:
    given, alive = scores(small=[1.0, 2.0], large=[3.0, 4.0])
    assert global_top(given, 0.5, alive).layers() == {"small": 1.0, "large": 0.0}
    assert layerwise(given, 0.5, alive).layers() == {"small": 0.5, "large": 0.5}


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


def test_igq_densities_are_those_of_one_force() -> None:
    sizes = {"a": 100, "b": 10_000}
    densities = igq_densities({name: torch.Size([n]) for name, n in sizes.items()}, 0.9)
    forces = [(1 / density - 1) / sizes[name] for name, density in densities.items()]
    assert forces[0] == pytest.approx(forces[1])
    assert sum(densities[n] * size for n, size in sizes.items()) == pytest.approx(0.1 * 10_100)


def test_igq_keeps_everything_at_sparsity_zero() -> None:
    assert igq_densities({"a": torch.Size([3]), "b": torch.Size([5])}, 0.0) == {"a": 1.0, "b": 1.0}


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


def test_apportion_settles_remainders_and_respects_rooms() -> None:
    wanted = {"a": 1.5, "b": 1.6, "c": 6.9}
    assert apportion(10, wanted, {"a": 9, "b": 9, "c": 9}) == {"a": 1, "b": 2, "c": 7}
    assert apportion(10, wanted, {"a": 9, "b": 1, "c": 4}) == {"a": 5, "b": 1, "c": 4}
    assert sum(apportion(997, {"a": 1.0, "b": 990.0}, {"a": 900, "b": 100}).values()) == 997


def test_apportion_refuses_more_than_there_is() -> None:
    with pytest.raises(ValueError, match="cannot keep 3 of 2"):
        apportion(3, {"a": 3.0}, {"a": 2})
