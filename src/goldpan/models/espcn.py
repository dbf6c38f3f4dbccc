"""ESPCN: three convolutions on the small image, and its pixels are dealt out to the large one.

W. Shi et al., Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
Convolutional Neural Network, CVPR 2016, arXiv 1609.05158, section 3: 5x5 convolutions with 64
filters, 3x3 with 32, and 3x3 with r^2 for each channel, which are shuffled into an image r times as
high and wide. A tanh follows each of the first two.

*Interpretation:* padding keeps the size of the image, and the first weights are PyTorch's.
"""

from collections import OrderedDict

from torch import nn

from goldpan.layers.masked import Layer, MaskedConv2d
from goldpan.models.initialize import initialize, seeded
from goldpan.models.sizes import require_positive, scaled


class ESPCN(nn.Sequential):
    """Images (N, C, H, W) -> images (N, C, rH, rW)."""


def espcn(
    classes: int = 10,
    channels: int = 1,
    image_size: int = 16,
    *,
    scale: int = 2,
    width: float = 1.0,
    conv: Layer = MaskedConv2d,
    initialization: str = "default",
    seed: int = 0,
) -> ESPCN:
    """Build ESPCN: 21,184 weights and 100 biases for luminance at scale 2.

    `width` multiplies the channels between its convolutions. `classes` and `image_size` are what
    every builder is given; this network looks at neither.
    """
    require_positive(channels=channels, scale=scale)
    first, second = scaled(64, width), scaled(32, width)
    with seeded(seed):
        net = ESPCN(
            OrderedDict[str, nn.Module](
                conv1=conv(channels, first, 5, padding=2),
                tanh1=nn.Tanh(),
                conv2=conv(first, second, 3, padding=1),
                tanh2=nn.Tanh(),
                conv3=conv(second, channels * scale**2, 3, padding=1),
                shuffle=nn.PixelShuffle(scale),
            )
        )
    initialize(net, initialization, seed)
    return net
