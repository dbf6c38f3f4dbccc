"""Residual blocks: two 3x3 convolutions, or a bottleneck of three, beside a shortcut.

He et al., "Deep residual learning for image recognition", CVPR 2016, arXiv 1512.03385. A shortcut
that keeps the shape is the identity. One that does not is of type A (every second pixel, missing
channels filled with zeros) or type B (1x1 convolution and norm), by the paper's section 3.3.
"""

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from goldpan.layers.masked import Layer


class PadShortcut(nn.Module):
    """Shortcut A: (N, C_in, H, W) -> (N, C_out, H/stride, W/stride) without weights.

    The zero channels are half in front and half behind, as in Receding Neuron Importances; of an
    odd number, the larger half is behind.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        missing = channels_out - channels_in
        self.front, self.behind = missing // 2, missing - missing // 2
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, self.front, self.behind))


def make_shortcut(
    kind: str, channels_in: int, channels_out: int, stride: int, *, conv: Layer, norm: Layer
) -> nn.Module:
    """Return the identity where the shape stays, else "A" or "B"; ValueError for other kinds."""
    if kind not in ("A", "B"):
        raise ValueError(f"shortcut must be A (zero padding) or B (1x1 convolution), got {kind!r}.")
    if stride == 1 and channels_in == channels_out:
        return nn.Identity()
    if kind == "A":
        return PadShortcut(channels_in, channels_out, stride)
    return nn.Sequential(
        conv(channels_in, channels_out, 1, stride=stride, bias=False), norm(channels_out)
    )


class BasicBlock(nn.Module):
    """relu(x' + norm(conv3x3(relu(norm(conv3x3(x)))))): (N, C_in, H, W) -> (N, C, H/s, W/s)."""

    expansion = 1

    def __init__(
        self, channels_in: int, channels: int, stride: int, kind: str, *, conv: Layer, norm: Layer
    ) -> None:
        super().__init__()
        self.conv1 = conv(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.norm1, self.relu1 = norm(channels), nn.ReLU()
        self.conv2 = conv(channels, channels, 3, padding=1, bias=False)
        self.norm2, self.relu2 = norm(channels), nn.ReLU()
        self.shortcut = make_shortcut(kind, channels_in, channels, stride, conv=conv, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        out: Tensor = self.relu2(y + self.shortcut(x))
        return out


class Bottleneck(nn.Module):
    """conv1x1 to C, conv3x3, conv1x1 to 4C: (N, C_in, H, W) -> (N, 4C, H/s, W/s).

    The stride is the 3x3 convolution's, as in torchvision (the paper strides the first 1x1).
    """

    expansion = 4

    def __init__(
        self, channels_in: int, channels: int, stride: int, kind: str, *, conv: Layer, norm: Layer
    ) -> None:
        super().__init__()
        wide = self.expansion * channels
        self.conv1 = conv(channels_in, channels, 1, bias=False)
        self.norm1, self.relu1 = norm(channels), nn.ReLU()
        self.conv2 = conv(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.norm2, self.relu2 = norm(channels), nn.ReLU()
        self.conv3 = conv(channels, wide, 1, bias=False)
        self.norm3, self.relu3 = norm(wide), nn.ReLU()
        self.shortcut = make_shortcut(kind, channels_in, wide, stride, conv=conv, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.norm1(self.conv1(x)))
        y = self.relu2(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        out: Tensor = self.relu3(y + self.shortcut(x))
        return out


def make_stages(
    block: Callable[[int, int, int], nn.Module],
    channels: int,
    widths: Sequence[int],
    blocks: Sequence[int],
    expansion: int = 1,
) -> nn.Sequential:
    """Stack stages of `block(channels_in, channels, stride)`; all but the first halve H and W.

    A stage's width is its channels before a bottleneck's expansion.
    """
    stages = nn.Sequential()
    for stage, (count, width) in enumerate(zip(blocks, widths, strict=True)):
        layers = nn.Sequential()
        for stride in [2 if stage > 0 else 1, *[1] * (count - 1)]:
            layers.append(block(channels, width, stride))
            channels = width * expansion
        stages.append(layers)
    return stages
