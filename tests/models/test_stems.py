import pytest
import torch
from torch import nn

from goldpan.models.resnet import resnet18
from goldpan.models.stems import make_stem


@pytest.mark.parametrize(
    ("stem", "image_size", "side"),
    [
        ("cifar", 8, 1),
        ("cifar", 32, 4),
        ("tiny_imagenet", 64, 8),
        ("imagenet", 32, 1),
        ("imagenet", 64, 2),
    ],
)
def test_stems_set_the_size_of_the_last_stage(stem: str, image_size: int, side: int) -> None:
    net = resnet18(7, 1, image_size, stem=stem, width=0.05)
    images = torch.zeros(2, 1, image_size, image_size)
    assert net.stages(net.stem(images)).shape == (2, 26, side, side)
    assert net(images).shape == (2, 7)


def test_an_unknown_stem_is_refused() -> None:
    with pytest.raises(ValueError, match="cifar, tiny_imagenet, imagenet, got 'mnist'"):
        make_stem("mnist", 3, 8, conv=nn.Conv2d, norm=nn.BatchNorm2d)
