import pytest
import torch
from torch import nn

from goldpan.models.lenet import lenet5, lenet_300_100


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
