"""LeNet-300-100 and LeNet-5-Caffe, the two networks of pruning on MNIST.

LeCun et al., "Gradient-based learning applied to document recognition", 1998; the sizes are those
of Caffe's LeNet, which SNIP (arXiv 1810.02340) and most later papers prune.

*Differs from Caffe's:* a ReLU follows each convolution too, as in the PyTorch ports; Caffe and
SNIP's code have max-pooling alone there.
"""

from collections.abc import Callable

from torch import Tensor, nn

from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.models.initialize import initialize, seeded
from goldpan.models.sizes import require_positive

Layer = Callable[..., nn.Module]


class LeNet300(nn.Module):
    """Images (N, C, H, W) -> 300 -> 100 -> logits (N, classes), a ReLU between."""

    def __init__(self, classes: int, features: int, *, linear: Layer) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear1, self.relu1 = linear(features, 300), nn.ReLU()
        self.linear2, self.relu2 = linear(300, 100), nn.ReLU()
        self.linear3 = linear(100, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.linear1(self.flatten(x)))
        x = self.relu2(self.linear2(x))
        logits: Tensor = self.linear3(x)
        return logits


class LeNet5(nn.Module):
    """Images (N, C, H, W) -> conv5x5 20, pool, conv5x5 50, pool -> 500 -> logits (N, classes)."""

    def __init__(
        self, classes: int, channels: int, image_size: int, *, conv: Layer, linear: Layer
    ) -> None:
        super().__init__()
        side = ((image_size - 4) // 2 - 4) // 2  # of the second pool's output, in pixels
        self.conv1, self.relu1, self.pool1 = conv(channels, 20, 5), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2, self.relu2, self.pool2 = conv(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.linear1, self.relu3 = linear(50 * side * side, 500), nn.ReLU()
        self.linear2 = linear(500, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu2(self.conv2(x)))
        x = self.relu3(self.linear1(self.flatten(x)))
        logits: Tensor = self.linear2(x)
        return logits


def lenet_300_100(
    classes: int = 10,
    channels: int = 1,
    image_size: int = 28,
    *,
    linear: Layer = MaskedLinear,
    initialization: str = "kaiming_normal",
    seed: int = 0,
) -> LeNet300:
    """Build LeNet-300-100: 266,200 weights and 410 biases on MNIST (28 x 28 pixels, 10 classes).

    Raises:
        ValueError: if a size is below 1 or no initialization has that name.
    """
    require_positive(classes=classes, channels=channels, image_size=image_size)
    with seeded(seed):
        net = LeNet300(classes, channels * image_size**2, linear=linear)
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

    Raises:
        ValueError: if a size is below 1, if the image has fewer than 16 pixels a side, or if no
            initialization has that name.
    """
    require_positive(classes=classes, channels=channels, image_size=image_size)
    if image_size < 16:
        raise ValueError(
            f"LeNet-5 needs images of at least 16 x 16 pixels, got {image_size} x {image_size}: "
            "choose a larger image_size or model=lenet_300_100."
        )
    with seeded(seed):
        net = LeNet5(classes, channels, image_size, conv=conv, linear=linear)
    initialize(net, initialization, seed)
    return net
