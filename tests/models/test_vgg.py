from collections.abc import Callable

import pytest
import torch
from torch import nn

from goldpan.models.vgg import vgg, vgg11, vgg13, vgg16, vgg19

Build = Callable[..., nn.Module]


def prunable(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters() if p.ndim > 1)


@pytest.mark.parametrize(
    ("build", "classes", "weights"),
    [
        (vgg11, 10, 9_222_848),
        (vgg13, 10, 9_407_168),
        (vgg16, 10, 14_715_584),
        (vgg19, 10, 20_024_000),
        (vgg19, 100, 20_070_080),
    ],
)
def test_prunable_weights_are_the_published_number(
    build: Build, classes: int, weights: int
) -> None:
    with torch.device("meta"):
        assert prunable(build(classes)) == weights


def test_vgg16_with_biases_is_the_one_of_receding_neuron_importances() -> None:
    with torch.device("meta"):
        net = vgg16(bias=True)
    assert sum(p.numel() for p in net.parameters()) == 14_728_266
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert (len(norms), sum(m.num_features for m in norms)) == (13, 4_224)


@pytest.mark.parametrize(("image_size", "side"), [(1, 1), (2, 2), (7, 3), (8, 2), (32, 2), (64, 4)])
def test_pools_stop_at_two_by_two_pixels(image_size: int, side: int) -> None:
    net = vgg11(7, 1, image_size, width=0.05)
    features = net.features(torch.zeros(2, 1, image_size, image_size))
    assert features.shape == (2, 26, side, side)
    assert net.linear(features.mean((2, 3))).shape == (2, 7)


def test_width_scales_every_layer_and_leaves_at_least_one_channel() -> None:
    widths = [m.out_channels for m in vgg11(width=0.25).modules() if isinstance(m, nn.Conv2d)]
    assert widths == [16, 32, 64, 64, 128, 128, 128, 128]
    assert vgg11(width=0.001).linear.in_features == 1


def test_unknown_depth_names_those_that_exist() -> None:
    with pytest.raises(ValueError, match="one of 11, 13, 16, 19, got 12"):
        vgg(depth=12)
