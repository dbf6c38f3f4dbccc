"""What the builders share: sizes checked at the door and scaled, and the last layers."""

from torch import nn

from goldpan.layers.masked import Layer


def require_positive(**sizes: int) -> None:
    """Let pass only whole numbers of at least 1, such as `classes=10, image_size=32`.

    Raises ValueError if a size is anything else.
    """
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, got {size!r}.")


def scaled(channels: int, width: float) -> int:
    """Return `channels * width`, rounded, and at least 1.

    Raises ValueError if the width factor is not above zero.
    """
    if not width > 0:
        raise ValueError(f"width multiplies the channels and must be above 0, got {width!r}.")
    return max(1, round(channels * width))


def make_head(channels: int, classes: int, linear: Layer) -> dict[str, nn.Module]:
    """Return the layers that end a convolutional network: (N, C, H, W) -> logits (N, classes)."""
    last = linear(channels, classes)
    return {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "linear": last}
