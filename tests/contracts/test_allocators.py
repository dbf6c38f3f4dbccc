"""What every allocator promises, over each file of conf/allocation."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from goldpan.masks import Masks
from goldpan.types import Allocator

CONF = Path(__file__).parents[2] / "conf"
SHAPES = {"a": (16, 3, 3, 3), "b": (32, 16, 3, 3), "c": (7, 32), "d": (1, 1)}


@pytest.fixture(params=sorted(path.stem for path in (CONF / "allocation").glob("*.yaml")))
def allocator(request: pytest.FixtureRequest, configure: Callable[..., DictConfig]) -> Allocator:
    allocator: Allocator = instantiate(configure(f"allocation={request.param}").allocation)
    return allocator


@pytest.fixture(params=["distinct", "tied"])
def scores(request: pytest.FixtureRequest) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    values = {name: torch.rand(shape, generator=generator) for name, shape in SHAPES.items()}
    return {n: v if request.param == "distinct" else (v * 3).round() for n, v in values.items()}


def everything() -> Masks:
    return Masks({name: torch.ones(shape, dtype=torch.bool) for name, shape in SHAPES.items()})


@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.9, 0.987, 0.9999])
def test_the_kept_count_is_exact(
    allocator: Allocator, scores: dict[str, torch.Tensor], sparsity: float
) -> None:
    alive = everything()
    assert allocator(scores, sparsity, alive).kept == round((1 - sparsity) * alive.total)


def test_sparsity_zero_keeps_what_is_alive(
    allocator: Allocator, scores: dict[str, torch.Tensor]
) -> None:
    alive = allocator(scores, 0.7, everything())
    same = allocator(scores, 0.0, alive)
    assert all(torch.equal(same[name], mask) for name, mask in alive.items())


def test_a_second_time_changes_nothing_and_a_third_only_removes(
    allocator: Allocator, scores: dict[str, torch.Tensor]
) -> None:
    first = allocator(scores, 0.6, everything())
    again = allocator(scores, 0.6, first)
    assert all(torch.equal(again[name], mask) for name, mask in first.items())
    fewer = allocator(scores, 0.9, first)
    assert fewer.kept == round(0.1 * first.total)
    assert not any((mask & ~first[name]).any() for name, mask in fewer.items())


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5])
def test_a_sparsity_outside_is_refused(
    allocator: Allocator, scores: dict[str, torch.Tensor], sparsity: float
) -> None:
    with pytest.raises(ValueError, match=rf"sparsity must lie in \[0, 1\), got {sparsity}"):
        allocator(scores, sparsity, everything())
