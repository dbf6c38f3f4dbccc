import pytest
import torch
from torch import nn

from goldpan.models.residual import BasicBlock, Bottleneck, PadShortcut, make_shortcut


def test_shortcut_a_keeps_every_second_pixel_between_zero_channels() -> None:
    images = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
    padded = PadShortcut(1, 4, stride=2)(images)
    kept = [[1.0, 3.0], [7.0, 9.0]]
    zeros = [[0.0, 0.0], [0.0, 0.0]]
    assert padded.tolist() == [[zeros, kept, zeros, zeros]]


def test_a_shortcut_that_keeps_the_shape_is_the_identity() -> None:
    for kind in ("A", "B"):
        shortcut = make_shortcut(kind, 4, 4, 1, conv=nn.Conv2d, norm=nn.BatchNorm2d)
        assert isinstance(shortcut, nn.Identity)


def test_an_unknown_shortcut_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shortcut must be A .* or B .*, got 'C'"):
        make_shortcut("C", 4, 4, 1, conv=nn.Conv2d, norm=nn.BatchNorm2d)


@pytest.mark.parametrize(("block", "channels"), [(BasicBlock, 4), (Bottleneck, 16)])
def test_a_block_strides_and_expands(block: type[BasicBlock | Bottleneck], channels: int) -> None:
    net = block(3, 4, 2, "B", conv=nn.Conv2d, norm=nn.BatchNorm2d)
    assert net(torch.zeros(2, 3, 8, 8)).shape == (2, channels, 4, 4)
