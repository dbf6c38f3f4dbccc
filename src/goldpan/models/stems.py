"""The layers before a residual network's first block.

- `cifar`: 3x3 convolution, stride 1, no pool.
- `tiny_imagenet`: the same. SynFlow, GraSP and FORCE all keep stride 1 for 64 x 64 images, so that
  the last stage sees 8 x 8 pixels.
- `imagenet`: 7x7 convolution, stride 2, and a 3x3 max-pool, stride 2.
"""

from torch import nn

from goldpan.layers.masked import Layer

STEMS = ("cifar", "tiny_imagenet", "imagenet")


def make_stem(kind: str, channels: int, width: int, *, conv: Layer, norm: Layer) -> nn.Sequential:
    """Return the layers before the first block: (N, C, H, W) -> (N, width, H, W), or H/4, W/4."""
    if kind not in STEMS:
        raise ValueError(f"stem must be one of {', '.join(STEMS)}, got {kind!r}.")
    if kind == "imagenet":
        first = conv(channels, width, 7, stride=2, padding=3, bias=False)
        return nn.Sequential(first, norm(width), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1))
    return nn.Sequential(conv(channels, width, 3, padding=1, bias=False), norm(width), nn.ReLU())
