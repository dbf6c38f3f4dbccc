"""VGG for small images: 3x3 convolutions with batch norm, and one linear layer at the end.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR
2015, arXiv 1409.1556; the form for CIFAR that SynFlow, GraSP, FORCE and Panning prune: bias-free
convolutions, four max-pools, then a global average pool in place of the fifth pool and of the two
wide linear layers. Receding Neuron Importances uses VGG-16 with biases (`bias=True`).
"""

from collections import OrderedDict
from functools import partial

from torch import nn

from goldpan.layers.masked import Layer, MaskedConv2d, MaskedLinear
from goldpan.models.initialize import initialize, seeded
from goldpan.models.sizes import make_head, require_positive, scaled

WIDTHS = (64, 128, 256, 512, 512)  # output channels of the five stages
BLOCKS = {  # depth -> convolutions in each stage
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


class VGG(nn.Sequential):
    """Images (N, C, H, W) -> five stages with a pool between -> mean -> logits (N, classes).

    A pool that would leave less than 2 x 2 pixels is left out, so 8 x 8 images have two of the
    four: on a single pixel, eight of the nine weights of a 3 x 3 filter would see padding alone.
    """


def vgg(
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    *,
    depth: int,
    width: float = 1.0,
    bias: bool = False,
    conv: Layer = MaskedConv2d,
    linear: Layer = MaskedLinear,
    norm: Layer = nn.BatchNorm2d,
    initialization: str = "kaiming_normal",
    seed: int = 0,
) -> VGG:
    """Build a VGG of 11, 13, 16 or 19 weight layers by the original paper's count.

    VGG-19 has 20,024,000 prunable weights for 10 classes and 20,070,080 for 100. `width`
    multiplies every layer's channels; `bias` gives the convolutions a bias.

    Raises ValueError for an option that no such network has.
    """
    require_positive(classes=classes, channels=channels, image_size=image_size)
    if depth not in BLOCKS:
        raise ValueError(f"depth must be one of {', '.join(map(str, BLOCKS))}, got {depth!r}.")
    layers: list[nn.Module] = []
    with seeded(seed):
        for stage, (blocks, planes) in enumerate(zip(BLOCKS[depth], WIDTHS, strict=True)):
            if stage > 0 and image_size >= 4:
                layers.append(nn.MaxPool2d(2))
                image_size //= 2
            out = scaled(planes, width)
            for _ in range(blocks):
                layers += [conv(channels, out, 3, padding=1, bias=bias), norm(out), nn.ReLU()]
                channels = out
        features = nn.Sequential(*layers)
        net = VGG(OrderedDict(features=features, **make_head(channels, classes, linear)))
    initialize(net, initialization, seed)
    return net


vgg11 = partial(vgg, depth=11)
vgg13 = partial(vgg, depth=13)
vgg16 = partial(vgg, depth=16)
vgg19 = partial(vgg, depth=19)
