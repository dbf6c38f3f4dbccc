"""LeNet-300-100 and LeNet-5-Caffe, the two networks of pruning on MNIST.

LeCun et al., "Gradient-based learning applied to document recognition", 1998; the sizes are those
of Caffe's LeNet, which SNIP (arXiv 1810.02340) and most later papers prune.

*Differs from Caffe's:* a ReLU follows each convolution too, as in the PyTorch ports; Caffe and
SNIP's code have max-pooling alone there, as with `conv_relu=False`. In SNIP's code biases count as
weights and may be cut, as with `bias="prunable"`: 266,610 and 431,080 prunable numbers.
"""

from collections import OrderedDict

from torch import nn

from goldpan.layers.masked import Layer, MaskedConv2d, MaskedLinear
from goldpan.models.initialize import initialize, seeded
from goldpan.models.mlp import perceptron
from goldpan.models.sizes import require_positive, with_bias


class LeNet300(nn.Sequential):
    """Images (N, C, H, W) -> 300 -> 100 -> logits (N, classes), a ReLU between."""


class LeNet5(nn.Sequential):
    """Images (N, C, H, W) -> conv5x5 20, pool, conv5x5 50, pool -> 500 -> logits (N, classes)."""


def lenet_300_100(
    classes: int = 10,
    channels: int = 1,
    image_size: int = 28,
    *,
    bias: bool | str = True,
    linear: Layer = MaskedLinear,
    initialization: str = "kaiming_normal",
    seed: int = 0,
) -> LeNet300:
    """Build LeNet-300-100: 266,200 weights and 410 biases on MNIST (28 x 28 pixels, 10 classes).

    `bias` is true, false, or prunable: biases that count and are cut as weights.
    """
    require_positive(classes=classes, channels=channels, image_size=image_size)
    with seeded(seed):
        layers = perceptron(channels * image_size**2, (300, 100), classes, bias=bias, linear=linear)
        net = LeNet300(layers)
    initialize(net, initialization, seed)
    return net


def lenet5(
    classes: int = 10,
    channels: int = 1,
    image_size: int = 28,
    *,
    conv_relu: bool = True,
    bias: bool | str = True,
    conv: Layer = MaskedConv2d,
    linear: Layer = MaskedLinear,
    initialization: str = "kaiming_normal",
    seed: int = 0,
) -> LeNet5:
    """Build LeNet-5-Caffe: 430,500 weights and 580 biases on MNIST (28 x 28 pixels, 10 classes).

    `conv_relu` says whether a ReLU follows each convolution; `bias` is true, false, or prunable:
    biases that count and are cut as weights.

    Raises ValueError if the image has fewer than 16 pixels a side.
    """
    require_positive(classes=classes, channels=channels, image_size=image_size)
    if image_size < 16:
        raise ValueError(
            f"LeNet-5 needs images of at least 16 x 16 pixels, got {image_size} x {image_size}: "
            "choose a larger image_size or model=lenet_300_100."
        )
    side = ((image_size - 4) // 2 - 4) // 2  # of the second pool's output, in pixels
    with seeded(seed):
        layers = OrderedDict[str, nn.Module]()
        for number, planes in enumerate((20, 50), start=1):
            layers |= with_bias(f"conv{number}", conv, channels, planes, 5, bias=bias)
            if conv_relu:
                layers[f"relu{number}"] = nn.ReLU()
            layers[f"pool{number}"] = nn.MaxPool2d(2)
            channels = planes
        layers["flatten"] = nn.Flatten()
        layers |= with_bias("linear1", linear, 50 * side * side, 500, bias=bias)
        layers["relu3"] = nn.ReLU()
        layers |= with_bias("linear2", linear, 500, classes, bias=bias)
        net = LeNet5(layers)
    initialize(net, initialization, seed)
    return net
