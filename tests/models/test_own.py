from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from goldpan.models.own import own_network


def small(classes: int, channels: int, width: int) -> nn.Module:
    """Any network for images, pooled to one pixel."""
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes)]
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), *head)


def by_num_classes(num_classes: int, in_channels: int, *, width: int = 4) -> nn.Module:
    return small(num_classes, in_channels, width)


def by_classes(*, in_chans: int, classes: int, seed: int) -> nn.Module:
    return small(classes, in_chans, 4)


def by_nothing() -> nn.Module:
    return small(5, 3, 4)


class ByClass(nn.Module):
    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.inner = small(num_classes, 3, 4)

    def forward(self, images: torch.Tensor) -> Any:
        return self.inner(images)


@pytest.mark.parametrize("build", [by_num_classes, by_classes, by_nothing, ByClass])
def test_a_builder_is_told_what_it_has_parameters_for(build: Any) -> None:
    net = own_network(build, 5, 3, 8, seed=0)
    assert net(torch.zeros(2, 3, 8, 8)).shape == (2, 5)


def test_what_the_configuration_gives_is_not_given_again() -> None:
    net = own_network(partial(by_num_classes, in_channels=3, width=6), 5, 3, 8, seed=0)
    assert net.get_submodule("3").in_features == 6


def test_weights_depend_on_the_seed_alone() -> None:
    a, b, c = (own_network(by_nothing, 5, 3, 8, seed=seed) for seed in (1, 1, 2))
    weights = [net.get_parameter("0.weight") for net in (a, b, c)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def needs_depth(num_classes: int, depth: int) -> nn.Module:
    raise AssertionError


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (needs_depth, r"test_own.needs_depth needs depth; set it by model.depth=VALUE"),
        (lambda: 3, "is to return a torch.nn.Module; got a int"),
    ],
)
def test_what_is_no_such_network_is_refused_in_a_sentence(build: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        own_network(build, 5, 3, 8, seed=0)
    assert "\n" not in str(error.value)
