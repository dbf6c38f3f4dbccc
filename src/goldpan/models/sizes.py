"""What the builders share: sizes checked at the door and scaled, biases, and the last layers."""

from typing import Any

from torch import nn

from goldpan.layers.masked import Layer, MaskedBias


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


def with_bias(name: str, layer: Layer, *sizes: int, bias: bool | str) -> dict[str, nn.Module]:
    """Make the layer of that name, and its bias: none, its own, or a prunable one behind it.

    Raises ValueError unless `bias` is true, false or "prunable".
    """
    if bias not in (True, False, "prunable"):
        raise ValueError(f"bias must be true, false or prunable, got {bias!r}.")
    made: Any = layer(*sizes, bias=bias is True)
    if bias != "prunable":
        return {name: made}
    return {name: made, f"{name}_bias": MaskedBias(sizes[1], made.weight[0].numel())}


def make_head(channels: int, classes: int, linear: Layer) -> dict[str, nn.Module]:
    """Return the layers that end a convolutional network: (N, C, H, W) -> logits (N, classes)."""
    last = linear(channels, classes)
    return {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "linear": last}
