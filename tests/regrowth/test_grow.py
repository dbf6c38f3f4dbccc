from dataclasses import replace

import pytest
import torch

from goldpan.regrowth.grow import gradient, momentum, random
from goldpan.regrowth.update import LayerState

LAYER = LayerState("w", 5, torch.ones(2, 3), torch.ones(2, 3).bool(), -torch.ones(2, 3))


def test_random_growth_depends_on_seed_step_and_layer_alone() -> None:
    first = random(LAYER, seed=0)
    assert torch.equal(first, random(LAYER, seed=0))
    for other in (replace(LAYER, step=6), replace(LAYER, name="v")):
        assert not torch.equal(first, random(other, seed=0))
    assert not torch.equal(first, random(LAYER, seed=1))


def test_growth_by_gradient_and_by_momentum_takes_absolute_values() -> None:
    assert gradient(LAYER).min() == 1
    assert momentum(replace(LAYER, momentum=-2 * torch.ones(2, 3))).min() == 2


def test_a_layer_without_a_gradient_is_named() -> None:
    with pytest.raises(ValueError, match="w has no gradient"):
        gradient(replace(LAYER, gradient=None))
