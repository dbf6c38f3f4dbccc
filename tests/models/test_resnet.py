from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from goldpan.models.resnet import (
    cifar_resnet,
    imagenet_resnet,
    resnet18,
    resnet20,
    resnet32,
    resnet34,
    resnet44,
    resnet50,
    resnet56,
    resnet110,
)

Build = Callable[..., nn.Module]


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def prunable(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters() if p.ndim > 1)


@pytest.mark.parametrize(
    ("build", "total", "weights"),
    [
        (resnet20, 269_722, 268_336),  # 0.27 M in He et al., table 6
        (resnet32, 464_154, 461_872),  # 0.46 M
        (resnet44, 658_586, 655_408),  # 0.66 M
        (resnet56, 853_018, 848_944),  # 0.85 M
        (resnet110, 1_727_962, 1_719_856),  # 1.7 M
    ],
)
def test_cifar_nets_have_the_papers_parameters(build: Build, total: int, weights: int) -> None:
    with torch.device("meta"):
        net = build()
    assert (parameters(net), prunable(net)) == (total, weights)


def test_doubled_resnet32_is_the_one_of_grasp_and_panning() -> None:
    with torch.device("meta"):
        assert prunable(resnet32(width=2, shortcut="B")) == 1_855_584


def test_resnet56_has_27_first_norms_of_1008_channels() -> None:
    with torch.device("meta"):
        first = [m for name, m in resnet56().named_modules() if name.endswith("norm1")]
    assert (len(first), sum(m.num_features for m in first)) == (27, 1_008)


@pytest.mark.parametrize(
    ("build", "stem", "classes", "total"),
    [
        (resnet18, "cifar", 10, 11_173_962),
        (resnet34, "cifar", 10, 21_282_122),
        (resnet50, "cifar", 10, 23_520_842),
        (resnet18, "tiny_imagenet", 200, 11_271_432),
        (resnet18, "imagenet", 1000, 11_689_512),
        (resnet34, "imagenet", 1000, 21_797_672),
        (resnet50, "imagenet", 1000, 25_557_032),
    ],
)
def test_imagenet_nets_have_the_known_parameters(
    build, stem: str, classes: int, total: int
) -> None:
    with torch.device("meta"):
        assert parameters(build(classes, stem=stem)) == total


def test_imagenet_resnets_compute_what_torchvisions_do() -> None:
    from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

    images = torch.randn(2, 3, 64, 64)
    for depth, theirs in (
        (18, ResNet(BasicBlock, [2, 2, 2, 2])),
        (50, ResNet(Bottleneck, [3, 4, 6, 3])),
    ):
        ours = imagenet_resnet(1000, image_size=64, depth=depth, stem="imagenet")
        with torch.no_grad():
            for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
                mine.copy_(other)
            assert torch.equal(ours.eval()(images), theirs.eval()(images))


@pytest.mark.parametrize("shortcut", ["A", "B"])
@pytest.mark.parametrize("image_size", [1, 8, 9, 32])
def test_cifar_nets_take_images_of_any_size(shortcut: str, image_size: int) -> None:
    net = resnet20(7, 1, image_size, width=0.25, shortcut=shortcut)
    assert net(torch.zeros(2, 1, image_size, image_size)).shape == (2, 7)


def test_shortcut_b_costs_two_projections_with_their_norms() -> None:
    projections = 16 * 32 + 32 * 64 + 2 * (32 + 64)
    with torch.device("meta"):
        assert parameters(resnet20(shortcut="B")) - parameters(resnet20()) == projections


def test_stem_relu_false_lets_negative_values_into_the_first_block() -> None:
    images = torch.randn(2, 3, 8, 8)
    assert resnet20().stem(images).min() == 0
    assert resnet20(stem_relu=False).stem(images).min() < 0


def test_injected_layers_are_used_everywhere() -> None:
    class Norm(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()

        def forward(self, x: Tensor) -> Tensor:
            return x

    net = resnet20(conv=nn.Conv2d, linear=nn.Linear, norm=Norm, shortcut="B")
    assert {type(m) for m in net.modules() if "Conv" in type(m).__name__} == {nn.Conv2d}
    assert type(net.linear) is nn.Linear
    assert not any(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    assert not list(net.buffers())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: cifar_resnet(depth=21), "6n \\+ 2, such as 20, 32 or 56, got 21"),
        (lambda: imagenet_resnet(depth=20), "one of 18, 34, 50, got 20"),
        (lambda: resnet20(classes=0), "classes must be a whole number of at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(build: Build, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
