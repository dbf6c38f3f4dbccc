"""LeNet-300-100 and LeNet-5-Caffe, the two networks of pruning on MNIST.

LeCun et al., "Gradient-based learning applied to document recognition", 1998; the sizes are those
of Caffe's LeNet, which SNIP (arXiv 1810.02340) and most later papers prune.

*Differs from Caffe's:* a ReLU follows each convolution too, as in the PyTorch ports; Caffe and
SNIP's code have max-pooling alone there.
"""

from collections import OrderedDict

from torch import nn

from goldpan.layers.masked import Layer, MaskedConv2d, MaskedLinear
from goldpan.models.initialize import initialize, seeded
from goldpan.models.sizes import require_positive


class LeNet300(nn.Sequential):
    """Images (N, C, H, W) -> 300 -> 100 -> logits (N, classes), a ReLU between."""


class LeNet5(nn.Sequential):
    """Images (N, C, H, W) -> conv5x5 20, pool, conv5x5 50, pool -> 500 -> logits (N, classes)."""


def lenet_300_100(
    classes: int = 10,
    channels: int = 1,
    image_size: int = 28,
    *,
    linear: Layer = MaskedLinear,
    initialization: str = "kaiming_normal",
    seed: int = 0,
) -> LeNet300:
    """Build LeNet-300-100: 266,200 weights and 410 biases on MNIST (28 x 28 pixels, 10 classes)."""
    require_positive(classes=classes, channels=channels, image_size=image_size)
    with seeded(seed):
        net = LeNet300(
            OrderedDict(
                flatten=nn.Flatten(),
                linear1=linear(channels * image_size**2, 300),
                relu1=nn.ReLU(),
                linear2=linear(300, 100),
                relu2=nn.ReLU(),
                linear3=linear(100, classes),
            )
        )
    initialize(net, initialization, seed)
    return net


def lenet5(
    classes: int = 10,
    channels: int = 1,
    image_size: int = 28,
    *,
    conv: Layer = MaskedConv2d,
    linear: Layer = MaskedLinear,
    initialization: str = "kaiming_normal",
    seed: int = 0,
) -> LeNet5:
    """Build LeNet-5-Caffe: 430,500 weights and 580 biases on MNIST (28 x 28 pixels, 10 classes).

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
        net = LeNet5(
            OrderedDict(
                conv1=conv(channels, 20, 5),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=conv(20, 50, 5),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                linear1=linear(50 * side * side, 500),
                relu3=nn.ReLU(),
                linear2=linear(500, classes),
            )
        )
    initialize(net, initialization, seed)
    return net
