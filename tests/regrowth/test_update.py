"""The laws of an update, with six weights."""

from collections.abc import Mapping
from functools import partial

import pytest
import torch
from torch import Tensor

from goldpan.masks import Masks
from goldpan.regrowth.counts import by_layer
from goldpan.regrowth.drop import magnitude
from goldpan.regrowth.grow import gradient, random
from goldpan.regrowth.update import LayerState, regrow, update_masks

W = torch.tensor([0.5, -0.1, 0.3, 0, 0, 0])
MASK = torch.tensor([1, 1, 1, 0, 0, 0]).bool()
FLOOR = partial(by_layer, rounding="floor")


def states(**tensors: Tensor) -> Mapping[str, LayerState]:
    return {"w": LayerState("w", 7, tensors.get("w", W), tensors.get("mask", MASK), tensors["g"])}


def bits(mask: Tensor) -> str:
    return "".join(str(int(bit)) for bit in mask)


def test_the_weakest_weight_makes_room_for_the_largest_gradient() -> None:
    layers = states(g=torch.tensor([9, 0.5, 9, 0.2, 0.9, 0.1]))
    masks, grown = update_masks(layers, 1 / 3, magnitude, gradient, FLOOR)
    assert bits(masks["w"]) == "101010"
    assert bits(grown["w"]) == "000010"


def test_a_dropped_weight_with_the_largest_gradient_returns_at_once() -> None:
    layers = states(g=torch.tensor([9, 2, 9, 0.2, 0.9, 0.1]))
    masks, grown = update_masks(layers, 1 / 3, magnitude, gradient, FLOOR)
    assert bits(masks["w"]) == "111000"
    assert bits(grown["w"]) == "010000"


def test_a_fraction_of_zero_changes_nothing() -> None:
    masks, grown = update_masks(states(g=torch.rand(6)), 0.0, magnitude, gradient, FLOOR)
    assert bits(masks["w"]) == bits(MASK)
    assert not grown["w"].any()


def test_a_fraction_of_one_keeps_the_largest_gradients() -> None:
    layers = states(g=torch.tensor([3.0, 1, 5, 0, 4, 2]))
    masks, _ = update_masks(layers, 1.0, magnitude, gradient, FLOOR)
    assert bits(masks["w"]) == "101010"


def test_equal_scores_are_ranked_by_index() -> None:
    layers = states(w=torch.ones(6) * MASK, g=torch.ones(6))
    masks, grown = update_masks(layers, 2 / 3, magnitude, gradient, FLOOR)
    assert bits(grown["w"]) == "011000"
    assert bits(masks["w"]) == "111000"


def test_every_layer_keeps_as_many_weights_as_before() -> None:
    torch.manual_seed(0)
    masks = {str(size): torch.rand(size, size) < 0.3 for size in (5, 20, 40)}
    layers = {
        name: LayerState(name, 3, torch.randn(mask.shape) * mask, mask, torch.randn(mask.shape))
        for name, mask in masks.items()
    }
    for grow in (gradient, partial(random, seed=0)):
        for rounding in ("floor", "ceil"):
            count = partial(by_layer, rounding=rounding)
            updated, _ = update_masks(layers, 0.37, magnitude, grow, count)
            for name, mask in masks.items():
                assert int(updated[name].sum()) == int(mask.sum())
                assert not torch.equal(updated[name], mask)


def test_more_than_there_is_cannot_be_dropped_or_grown() -> None:
    alive, scores = Masks({"w": MASK}), {"w": torch.rand(6)}
    with pytest.raises(ValueError, match="between 0 and 3 weights, got -1"):
        regrow(alive, scores, scores, {"w": 4}, {"w": 4})
    with pytest.raises(ValueError, match="between 0 and 3 weights, got 4"):
        regrow(alive, scores, scores, {"w": 0}, {"w": 4})
