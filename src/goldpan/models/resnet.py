"""Residual networks: ResNet-20 to 110 of CIFAR, and ResNet-18, 34 and 50 of ImageNet.

He et al., "Deep residual learning for image recognition", CVPR 2016, arXiv 1512.03385: the CIFAR
nets are section 4.2's (depth 6n + 2, widths 16, 32, 64); `width=2` gives the 32, 64, 128 that GraSP
and Panning prune. The ImageNet nets have one of three stems, `cifar`, `tiny_imagenet`, `imagenet`.
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from torch import nn

from goldpan.layers.masked import Layer, MaskedConv2d, MaskedLinear
from goldpan.models.initialize import initialize, seeded
from goldpan.models.residual import BasicBlock, Bottleneck, make_stages
from goldpan.models.sizes import make_head, require_positive, scaled
from goldpan.models.stems import make_stem

Block = type[BasicBlock] | type[Bottleneck]

IMAGENET_NETS: dict[int, tuple[Block, Sequence[int]]] = {  # depth -> block, blocks in each stage
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
}


class ResNet(nn.Sequential):
    """Images (N, C, H, W) -> stem -> stages of residual blocks -> mean -> logits (N, classes)."""

    def prunable_norms(self) -> list[str]:
        """The norms inside the residual blocks: their channels may go without touching a shortcut.

        The first of a basic block, the first two of a bottleneck: Receding Neuron Importances.
        """
        inner = {BasicBlock: ("norm1",), Bottleneck: ("norm1", "norm2")}
        blocks = [(n, m) for n, m in self.named_modules() if isinstance(m, BasicBlock | Bottleneck)]
        return [f"{name}.{norm}" for name, block in blocks for norm in inner[type(block)]]


def cifar_resnet(
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    *,
    depth: int,
    width: float = 1.0,
    shortcut: str = "A",
    stem_relu: bool = True,
    conv: Layer = MaskedConv2d,
    linear: Layer = MaskedLinear,
    norm: Layer = nn.BatchNorm2d,
    initialization: str = "kaiming_normal",
    seed: int = 0,
) -> ResNet:
    """Build a CIFAR ResNet of depth 6n + 2: three stages of n basic blocks.

    `stem_relu=False` leaves out the ReLU before the first block, as in Receding Neuron Importances.

    Raises ValueError for an option that no such network has.
    """
    require_positive(classes=classes, channels=channels, image_size=image_size)
    if depth < 8 or depth % 6 != 2:
        raise ValueError(f"depth must be 6n + 2, such as 20, 32 or 56, got {depth!r}.")
    widths = [scaled(planes, width) for planes in (16, 32, 64)]
    with seeded(seed):
        stem = make_stem("cifar", channels, widths[0], conv=conv, norm=norm)
        stem = stem if stem_relu else stem[:-1]
        block = partial(BasicBlock, kind=shortcut, conv=conv, norm=norm)
        stages = make_stages(block, widths[0], widths, [(depth - 2) // 6] * 3)
        net = ResNet(
            OrderedDict(stem=stem, stages=stages, **make_head(widths[-1], classes, linear))
        )
    initialize(net, initialization, seed)
    return net


def imagenet_resnet(
    classes: int = 10,
    channels: int = 3,
    image_size: int = 32,
    *,
    depth: int,
    width: float = 1.0,
    stem: str = "cifar",
    shortcut: str = "B",
    conv: Layer = MaskedConv2d,
    linear: Layer = MaskedLinear,
    norm: Layer = nn.BatchNorm2d,
    initialization: str = "kaiming_normal",
    seed: int = 0,
) -> ResNet:
    """Build ResNet-18, 34 or 50 with the stem of that name, for images of any size.

    With `stem="imagenet"` and 1,000 classes the parameters are torchvision's, in its order.

    Raises ValueError for an option that no such network has.
    """
    require_positive(classes=classes, channels=channels, image_size=image_size)
    if depth not in IMAGENET_NETS:
        raise ValueError(
            f"depth must be one of {', '.join(map(str, IMAGENET_NETS))}, got {depth!r}."
        )
    block, blocks = IMAGENET_NETS[depth]
    widths = [scaled(planes, width) for planes in (64, 128, 256, 512)]
    with seeded(seed):
        first = make_stem(stem, channels, widths[0], conv=conv, norm=norm)
        make = partial(block, kind=shortcut, conv=conv, norm=norm)
        stages = make_stages(make, widths[0], widths, blocks, block.expansion)
        head = make_head(widths[-1] * block.expansion, classes, linear)
        net = ResNet(OrderedDict(stem=first, stages=stages, **head))
    initialize(net, initialization, seed)
    return net


resnet20 = partial(cifar_resnet, depth=20)
resnet32 = partial(cifar_resnet, depth=32)
resnet44 = partial(cifar_resnet, depth=44)
resnet56 = partial(cifar_resnet, depth=56)
resnet110 = partial(cifar_resnet, depth=110)
resnet18 = partial(imagenet_resnet, depth=18)
resnet34 = partial(imagenet_resnet, depth=34)
resnet50 = partial(imagenet_resnet, depth=50)
