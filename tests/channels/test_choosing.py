import re
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from goldpan.channels.allocation import global_channels, layerwise_channels
from goldpan.channels.choosing import (
    ChannelChoice,
    channel_scores,
    check_removable,
    choose_channels,
    prunable_groups,
)
from goldpan.channels.surgery import shrink
from goldpan.cost import cost
from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.models.resnet import resnet20, resnet50, resnet56
from goldpan.models.third_party import torchvision_model
from goldpan.models.vgg import vgg16


@pytest.mark.parametrize("target", ["flops", "parameters"])
def test_flops_and_parameters_are_met_as_closely_as_channels_allow(target: str) -> None:
    net, shape = vgg16(10, width=0.25), (3, 32, 32)
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight)
    kept = choose_channels(net, shape, 0.6, layerwise_channels, target).kept  # type: ignore[arg-type]
    before, after = cost(net, shape), cost(shrink(net, kept, shape), shape)
    left = getattr(after, target) / getattr(before, target)
    assert 0.37 < left <= 0.4


def test_a_target_below_the_floor_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("the floor of the layers keeps more flops")):
        choose_channels(vgg16(10, width=0.05), (3, 32, 32), 0.999, global_channels, "flops")


def test_residual_networks_shrink_inside_their_blocks() -> None:
    basic = prunable_groups(resnet20(10), (3, 32, 32))
    assert len(basic) == 9
    assert all(group.name.endswith("norm1") for group in basic)
    assert sum(group.size for group in prunable_groups(resnet50(10, width=0.1), (3, 32, 32))) > 0


def test_rni_counts_of_the_paper() -> None:
    """rni.md 2.4: VGG-16 has 13 norms and 4,224 channels, ResNet-56 27 layers and 1,008."""
    assert [
        (len(g), sum(x.size for x in g))
        for g in (
            prunable_groups(vgg16(10), (3, 32, 32)),
            prunable_groups(resnet56(10), (3, 32, 32)),
        )
    ] == [(13, 4224), (27, 1008)]


def test_scores_are_the_importances_of_the_norms() -> None:
    net = vgg16(10, width=0.1)
    first = next(m for m in net.modules() if isinstance(m, nn.BatchNorm2d))
    nn.init.uniform_(first.weight, -1, 1)
    scores = channel_scores(net, prunable_groups(net, (3, 32, 32)))
    assert torch.equal(next(iter(scores.values())), first.weight.detach().abs())


def test_two_choices_in_a_row_are_one_in_the_channels_of_the_first() -> None:
    first = ChannelChoice({"a": torch.tensor([True, False, True, True])}, {})
    later = ChannelChoice({"a": torch.tensor([False, True, True])}, {"a": 2})
    both = later.after(first)
    assert both.kept["a"].tolist() == [False, False, True, True]
    assert (both.removed(), both.floored) == (0.5, {"a": 2})


def test_a_network_without_norms_has_no_channels_to_remove() -> None:
    net = nn.Sequential(nn.Flatten(), MaskedLinear(4, 3), nn.Sigmoid(), MaskedLinear(3, 2))
    with pytest.raises(ValueError, match="Sequential has no channels that can be removed"):
        check_removable(net, (1, 2, 2), 0.5, layerwise_channels)


def test_a_floor_that_keeps_all_channels_is_said_unless_none_are_to_go() -> None:
    convolution = MaskedConv2d(1, 3, 1, bias=False)
    net = nn.Sequential(convolution, nn.BatchNorm2d(3), nn.Flatten(), MaskedLinear(12, 2))
    check_removable(net, (1, 2, 2), 0.0, layerwise_channels)
    check_removable(net, (1, 2, 2), 0.5, partial(layerwise_channels, floor=1))
    with pytest.raises(ValueError, match=r"sparsity 0\.5 removes nothing: the floor keeps"):
        check_removable(net, (1, 2, 2), 0.5, layerwise_channels)


def test_channels_that_cannot_be_followed_stay_where_that_is_asked() -> None:
    """ShuffleNet's shuffle cannot be followed; what lies inside its branches can."""
    net, shape = torchvision_model(10, 3, 32, name="shufflenet_v2_x0_5"), (3, 32, 32)
    with pytest.raises(
        ValueError, match=r"channels of 21 norms .*method\.channels\.scope=followed"
    ):
        check_removable(net, shape, 0.5, layerwise_channels)
    check_removable(net, shape, 0.5, layerwise_channels, "followed")
    choice = choose_channels(net, shape, 0.5, layerwise_channels, scope="followed")
    assert choice.removed() == pytest.approx(0.5, abs=0.01)
    small = shrink(net, choice.kept, shape)  # which compares the logits
    assert cost(small, shape).parameters < 0.6 * cost(net, shape).parameters


@pytest.mark.parametrize("allocate", [layerwise_channels, global_channels])
def test_less_than_a_channel_is_refused_whatever_the_importances(allocate: Any) -> None:
    net, shape = vgg16(10, width=0.05), (3, 32, 32)
    with pytest.raises(ValueError, match=r"^sparsity 0\.001 removes no channel of this network"):
        check_removable(net, shape, 0.001, allocate, at_once=True)
    check_removable(net, shape, 0.001, allocate)  # in rounds, or of FLOPs
    check_removable(net, shape, 0.2, allocate, at_once=True)
