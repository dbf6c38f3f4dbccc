import pytest
import torch

from goldpan.regrowth.counts import by_layer, by_momentum
from goldpan.regrowth.update import LayerState


def layer(name: str, kept: int, size: int, momentum: float) -> LayerState:
    mask = torch.arange(size) < kept
    return LayerState(name, 1, mask.float(), mask, momentum=torch.full((size,), -momentum))


def test_the_floor_and_the_ceiling_of_the_fraction() -> None:
    layers = {"a": layer("a", 10, 100, 0), "b": layer("b", 7, 100, 0)}
    assert by_layer(layers, 0.3, rounding="floor")[0] == {"a": 3, "b": 2}
    assert by_layer(layers, 0.3, rounding="ceil")[0] == {"a": 3, "b": 3}


def test_layers_grow_in_proportion_to_their_mean_momentum() -> None:
    """Means 3 and 1, ten weights dropped in each: 15 and 5 grow."""
    layers = {"a": layer("a", 20, 100, 3.0), "b": layer("b", 20, 100, 1.0)}
    drops, grows = by_momentum(layers, 0.5)
    assert drops == {"a": 10, "b": 10}
    assert grows == {"a": 15, "b": 5}


def test_equal_momentum_and_equal_sizes_leave_the_layers_as_they_are() -> None:
    layers = {"a": layer("a", 20, 100, 2.0), "b": layer("b", 20, 100, 2.0)}
    assert by_momentum(layers, 0.3) == by_layer(layers, 0.3, rounding="ceil")


def test_what_does_not_fit_into_a_layer_grows_elsewhere() -> None:
    layers = {"a": layer("a", 90, 100, 9.0), "b": layer("b", 50, 100, 1.0)}
    drops, grows = by_momentum(layers, 0.5)
    assert drops == {"a": 9, "b": 25}  # a is 10 % sparse, and has more than an equal share
    assert grows == {"a": 18, "b": 16}  # of the 30.6 that a would get 0.99 * 19 fit in
    assert sum(grows.values()) == sum(drops.values())


def test_without_momentum_the_error_says_what_to_set() -> None:
    bare = {"a": LayerState("a", 1, torch.ones(3), torch.ones(3).bool())}
    with pytest.raises(ValueError, match=r"set recipe\.optimizer\.momentum"):
        by_momentum(bare, 0.5)
