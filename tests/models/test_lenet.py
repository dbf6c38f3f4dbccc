from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from goldpan.allocation.global_top import global_top
from goldpan.masks import Masks, read_masks
from goldpan.models.lenet import lenet5, lenet_300_100
from goldpan.scorers.snip import snip


def count(net: nn.Module, dimensions: tuple[int, ...]) -> int:
    return sum(p.numel() for p in net.parameters() if p.ndim in dimensions)


def test_lenet_300_100_has_caffes_weights_and_biases() -> None:
    net = lenet_300_100()
    assert (count(net, (2,)), count(net, (1,))) == (266_200, 410)


def test_lenet5_has_caffes_weights_and_biases() -> None:
    net = lenet5()
    assert (count(net, (2, 4)), count(net, (1,))) == (430_500, 580)


def test_lenet_300_100_takes_the_8x8_digits() -> None:
    assert lenet_300_100(image_size=8)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize("image_size", [16, 17, 28, 32])
def test_lenet5_takes_16x16_pixels_and_more(image_size: int) -> None:
    net = lenet5(5, 3, image_size)
    assert net(torch.zeros(2, 3, image_size, image_size)).shape == (2, 5)


def test_lenet5_refuses_images_that_its_pools_would_use_up() -> None:
    with pytest.raises(ValueError, match="at least 16 x 16 pixels, got 15 x 15"):
        lenet5(image_size=15)


def test_without_conv_relu_pools_follow_convolutions_at_once() -> None:
    plain, relus = lenet5(conv_relu=False), lenet5()
    names = [name for name, _ in plain.named_children()]
    assert names[:4] == ["conv1", "pool1", "conv2", "pool2"]
    assert plain.state_dict().keys() == relus.state_dict().keys()
    images = torch.randn(2, 1, 28, 28)
    assert not torch.equal(plain(images), relus(images))


@pytest.mark.parametrize(("build", "weights"), [(lenet_300_100, 266_200), (lenet5, 430_500)])
def test_bias_false_leaves_weights_alone(build: Callable[..., nn.Module], weights: int) -> None:
    assert sum(p.numel() for p in build(bias=False).parameters()) == weights


@pytest.mark.parametrize(("build", "numbers"), [(lenet_300_100, 266_610), (lenet5, 431_080)])
def test_prunable_biases_count_as_in_snips_code(
    build: Callable[..., nn.Module], numbers: int
) -> None:
    assert read_masks(build(bias="prunable")).total == numbers


@pytest.mark.parametrize("build", [lenet_300_100, lenet5])
def test_a_prunable_bias_computes_what_a_bias_does(build: Callable[..., nn.Module]) -> None:
    apart, own = (build(bias=bias, initialization="default") for bias in ("prunable", True))
    images = torch.randn(2, 1, 28, 28)
    torch.testing.assert_close(apart(images), own(images))


def keep(net: nn.Module, kept: int) -> Masks:
    """SNIP's masks with so many weights, by one batch of digits' size."""
    images = torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    scores = snip(net, [(images, torch.arange(20) % 10)], F.cross_entropy)
    dense = read_masks(net)
    return global_top(scores, 1 - kept / dense.total, dense)


def test_snip_cuts_every_bias_that_starts_at_zero() -> None:
    """|b dL/db| = 0, so the network is one without biases and as many weights."""
    masks = keep(lenet_300_100(image_size=8, bias="prunable"), 2500)
    assert masks.kept == 2500
    assert not any(masks[name].any() for name in masks if "bias" in name)
    without = keep(lenet_300_100(image_size=8, bias=False), 2500)
    assert all(torch.equal(mask, masks[name]) for name, mask in without.items())


def test_snip_keeps_some_biases_that_start_as_in_its_authors_code() -> None:
    net = lenet_300_100(image_size=8, bias="prunable", initialization="variance_scaling")
    masks = keep(net, 2500)
    biases = sum(int(masks[name].sum()) for name in masks if "bias" in name)
    assert (masks.kept, 0 < biases < 410) == (2500, True)
