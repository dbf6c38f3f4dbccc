"""Wide residual networks: WRN-22-2, WRN-16-8 and WRN-28-10 of CIFAR.

Zagoruyko and Komodakis, "Wide residual networks", BMVC 2016, arXiv 1605.07146: WRN-d-k has depth
d = 6n + 4, three stages of n blocks of two 3x3 convolutions, and widths 16k, 32k, 64k behind a stem
of 16. Norm and ReLU stand before each convolution, not behind it (He et al., "Identity mappings in
deep residual networks", ECCV 2016, arXiv 1603.05027). RigL (arXiv 1911.11134) prunes WRN-22-2, SNIP
(arXiv 1810.02340) WRN-16-8, FreeTickets (arXiv 2106.14568) WRN-28-10.
"""

from collections import OrderedDict
from functools import partial

from torch import Tensor, nn

from goldpan.layers.masked import Layer, MaskedConv2d, MaskedLinear
from goldpan.models.initialize import initialize, seeded
from goldpan.models.residual import make_stages
from goldpan.models.sizes import make_head, require_positive, scaled

STEM = 16  # channels before the first block, whatever the width


class WideBlock(nn.Module):
    """x' + conv3x3(relu(norm(conv3x3(a)))), a = relu(norm(x)): (N, C_in, H, W) -> (N, C, H/s, W/s).

    The shortcut x' is x itself where the shape stays, else a 1x1 convolution of a. Dropout, if any,
    stands between the convolutions, as in the paper's section 2.4.
    """

    def __init__(
        self, channels_in: int, channels: int, stride: int, dropout: float, conv: Layer, norm: Layer
    ) -> None:
        super().__init__()
        self.norm1, self.relu1 = norm(channels_in), nn.ReLU()
        self.conv1 = conv(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.norm2, self.relu2 = norm(channels), nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.conv2 = conv(channels, channels, 3, padding=1, bias=False)
        self.same = stride == 1 and channels_in == channels
        self.shortcut: nn.Module = nn.Identity()
        if not self.same:
            self.shortcut = conv(channels_in, channels, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = self.relu1(self.norm1(x))
        y = self.relu2(self.norm2(self.conv1(active)))
        out: Tensor = self.conv2(self.dropout(y)) + self.shortcut(x if self.same else active)
        return out


class WideResNet(nn.Sequential):
    """Images (N, C, H, W) -> stem -> three stages -> norm, ReLU, mean -> logits (N, classes)."""

    def prunable_norms(self) -> list[str]:
        """The norms between a block's convolutions: their channels touch no shortcut."""
        blocks = [name for name, module in self.named_modules() if isinstance(module, WideBlock)]
        return [f"{name}.norm2" for name in blocks]


def wide_resnet(
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    *,
    depth: int,
    width: float,
    dropout: float = 0.0,
    conv: Layer = MaskedConv2d,
    linear: Layer = MaskedLinear,
    norm: Layer = nn.BatchNorm2d,
    initialization: str = "kaiming_normal",
    seed: int = 0,
) -> WideResNet:
    """Build WRN-depth-width, for images of any size; with 10 classes WRN-28-10 has 36.5 million.

    `width` is the paper's k; `dropout` the fraction of activations dropped inside the blocks.

    Raises ValueError for an option that no such network has.
    """
    require_positive(classes=classes, channels=channels, image_size=image_size)
    if depth < 10 or depth % 6 != 4:
        raise ValueError(f"depth must be 6n + 4, such as 16, 22 or 28, got {depth!r}.")
    widths = [scaled(planes, width) for planes in (16, 32, 64)]
    block = partial(WideBlock, dropout=dropout, conv=conv, norm=norm)
    with seeded(seed):
        net = WideResNet(
            OrderedDict(
                stem=conv(channels, STEM, 3, padding=1, bias=False),
                stages=make_stages(block, STEM, widths, [(depth - 4) // 6] * 3),
                norm=norm(widths[-1]),
                relu=nn.ReLU(),
                **make_head(widths[-1], classes, linear),
            )
        )
    initialize(net, initialization, seed)
    return net


wrn_16_8 = partial(wide_resnet, depth=16, width=8)
wrn_22_2 = partial(wide_resnet, depth=22, width=2)
wrn_28_10 = partial(wide_resnet, depth=28, width=10)
