from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from goldpan.channels.choosing import prunable_groups
from goldpan.channels.finding import find_groups
from goldpan.channels.surgery import shrink
from goldpan.layers.masked import MaskedConv2d
from goldpan.models.wide_resnet import WideBlock, wide_resnet, wrn_16_8, wrn_22_2, wrn_28_10

Build = Callable[..., nn.Module]
SHAPE = (3, 16, 16)


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def expected(depth: int, k: int, classes: int) -> int:
    """Stem, then for each stage n blocks of two norms and two convolutions, a 1x1 shortcut; head.

    The first block of a stage takes C_in channels and gives C, the n - 1 others C and C.
    """
    n, total, channels_in = (depth - 4) // 6, 9 * 3 * 16, 16
    for channels in (16 * k, 32 * k, 64 * k):
        total += 2 * channels_in + 9 * channels_in * channels  # norm1 and conv1 of the first
        total += channels_in * channels if channels_in != channels else 0  # its shortcut
        total += (n - 1) * (2 * channels + 9 * channels**2)  # norm1 and conv1 of the others
        total += n * (2 * channels + 9 * channels**2)  # norm2 and conv2 of all
        channels_in = channels
    return total + 2 * channels_in + (channels_in + 1) * classes


@pytest.mark.parametrize(
    ("depth", "k", "total"),
    [
        (40, 1, 563_930),  # 0.6 M in Zagoruyko and Komodakis, table 4
        (40, 4, 8_949_210),  # 8.9 M
        (16, 8, 10_961_370),  # 11.0 M
        (28, 10, 36_479_194),  # 36.5 M
        (22, 2, 1_079_642),
        (22, 8, 17_158_106),  # 17.2 M
    ],
)
def test_nets_have_the_papers_parameters(depth: int, k: int, total: int) -> None:
    with torch.device("meta"):
        assert parameters(wide_resnet(depth=depth, width=k)) == expected(depth, k, 10) == total


@pytest.mark.parametrize(
    ("build", "depth", "k"), [(wrn_16_8, 16, 8), (wrn_22_2, 22, 2), (wrn_28_10, 28, 10)]
)
def test_names_say_depth_and_width(build: Build, depth: int, k: int) -> None:
    with torch.device("meta"):
        net = build(100)
    convolutions = [m for m in net.modules() if isinstance(m, MaskedConv2d)]
    assert len([c for c in convolutions if c.kernel_size == (3, 3)]) == depth - 3
    assert convolutions[0].out_channels == 16
    assert convolutions[-1].out_channels == 64 * k
    assert parameters(net) == expected(depth, k, 100)


@pytest.mark.parametrize("image_size", [1, 8, 9, 32])
def test_they_take_images_of_any_size(image_size: int) -> None:
    net = wrn_22_2(7, 1, image_size, width=0.25)
    images = torch.zeros(2, 1, image_size, image_size)
    side = -(-image_size // 4)
    assert net.stages(net.stem(images)).shape == (2, 16, side, side)
    assert net(images).shape == (2, 7)


@pytest.mark.parametrize(
    ("channels", "stride", "passes"), [(4, 1, True), (8, 1, False), (4, 2, False)]
)
def test_a_shortcut_that_changes_the_shape_takes_the_activated_input(
    channels: int, stride: int, passes: bool
) -> None:
    """Negative inputs end at the ReLU: they pass a block by its identity alone."""
    block = WideBlock(4, channels, stride, 0.0, conv=nn.Conv2d, norm=nn.BatchNorm2d).eval()
    images = -torch.rand(2, 4, 6, 6)
    out = block(images)
    assert torch.equal(out, images) if passes else not out.any()


def test_dropout_is_between_the_convolutions_and_in_training_alone() -> None:
    block = WideBlock(4, 4, 1, 0.9, conv=nn.Conv2d, norm=nn.BatchNorm2d)
    images = torch.randn(2, 4, 6, 6)
    assert not torch.equal(block(images), block(images))
    assert torch.equal(block.eval()(images), block(images))


def test_injected_layers_are_used_everywhere() -> None:
    class Norm(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()

        def forward(self, x: Tensor) -> Tensor:
            return x

    net = wrn_16_8(width=1, conv=nn.Conv2d, linear=nn.Linear, norm=Norm)
    assert {type(m) for m in net.modules() if "Conv" in type(m).__name__} == {nn.Conv2d}
    assert type(net.linear) is nn.Linear
    assert not any(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    assert not list(net.buffers())


def test_channels_shrink_between_the_convolutions_of_each_block() -> None:
    """What goes of a channel: its 9 C_in weights of conv1, two of norm2 and 9 C_out of conv2."""
    net = wrn_16_8(10, width=0.5)
    groups = prunable_groups(net, SHAPE)
    assert [group.name for group in groups] == net.prunable_norms()
    assert [group.size for group in groups] == [8, 8, 16, 16, 32, 32]
    for group in groups:
        block = group.name.removesuffix(".norm2")
        assert (group.producers, group.consumers) == ((f"{block}.conv1",), (f"{block}.conv2",))
    kept = {group.name: torch.arange(group.size) % 2 == 0 for group in groups}
    small = shrink(net, kept, SHAPE)  # which compares the logits
    gone = [(4, 16, 8), (4, 8, 8), (8, 8, 16), (8, 16, 16), (16, 16, 32), (16, 32, 32)]
    lost = sum(count * (9 * into + 2 + 9 * out) for count, into, out in gone)
    assert parameters(net) - parameters(small) == lost


def test_all_channels_can_shrink_since_norms_stand_before_what_reads_them() -> None:
    net = wrn_16_8(10, width=0.5)
    groups = find_groups(net, SHAPE)
    assert sum(group.size for group in groups) == 16 + 3 * (8 + 16 + 32)
    kept = {group.name: torch.arange(group.size) % 2 == 0 for group in groups}
    assert shrink(net, kept, SHAPE).get_submodule("linear").in_features == 16


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: wide_resnet(depth=20, width=2), "6n \\+ 4, such as 16, 22 or 28, got 20"),
        (lambda: wide_resnet(depth=4, width=2), "6n \\+ 4, .* got 4"),
        (lambda: wrn_22_2(width=0), "above 0, got 0"),
        (lambda: wrn_22_2(dropout=1.5), "dropout probability .* got 1.5"),
        (lambda: wrn_22_2(classes=0), "classes must be a whole number of at least 1, got 0"),
        (lambda: wrn_22_2(image_size=-3), "image_size must be .* got -3"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(build: Build, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
