"""What the builders share: sizes checked at the door and scaled, and the last layers."""

from torch import nn

from goldpan.layers.masked import Layer


def require_positive(**sizes: int) -> None:
    """Raise ValueError unless each size is a whole number of at least 1, such as `classes=10`."""
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, got {size!r}.")


def scaled(channels: int, width: float) -> int:
    """Return `channels * width`, rounded, at least 1; ValueError unless the width is above 0."""
    if not width > 0:
        raise ValueError(f"width multiplies the channels and must be above 0, got {width!r}.")
    return max(1, round(channels * width))


def make_head(channels: int, classes: int, linear: Layer) -> dict[str, nn.Module]:
    """Return the layers that end a convolutional network: (N, C, H, W) -> logits (N, classes)."""
    last = linear(channels, classes)
    return {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "linear": last}
