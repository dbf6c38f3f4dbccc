"""Convolution and linear layers that carry a mask of the weights that remain.

The forward pass is the plain one: a cut weight *is* zero in the parameter itself, so a masked
layer costs what a dense one costs, and gradients at cut places stay visible to the methods that
grow weights back. The mask is a buffer, so it travels in every checkpoint.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class MaskedConv2d(nn.Conv2d):
    """`nn.Conv2d` with a bool buffer `mask` of the weight's shape (C_out, C_in / groups, K, K)."""

    mask: Tensor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("mask", torch.ones_like(self.weight, dtype=torch.bool))


class MaskedLinear(nn.Linear):
    """`nn.Linear` with a bool buffer `mask` of the weight's shape (out, in)."""

    mask: Tensor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("mask", torch.ones_like(self.weight, dtype=torch.bool))


class MaskedBias(nn.Module):
    """Adds one prunable number to each channel: x (N, C, ...) -> x + weight, weight (C, 1).

    A bias that stands apart from its layer is a weight like any other: it is scored, it counts
    among the prunable weights, and it may be cut.

    Args:
        fan_in: inputs of the layer that it belongs to, by which some schemes draw biases.
    """

    mask: Tensor

    def __init__(self, channels: int, fan_in: int) -> None:
        super().__init__()
        self.fan_in = fan_in
        self.weight = nn.Parameter(torch.zeros(channels, 1))
        self.register_buffer("mask", torch.ones_like(self.weight, dtype=torch.bool))

    def forward(self, x: Tensor) -> Tensor:
        """Add each channel's number at every position."""
        return x + self.weight.reshape(-1, *[1] * (x.dim() - 2))


MaskedLayer = MaskedConv2d | MaskedLinear | MaskedBias
Layer = Callable[..., nn.Module]  # makes a layer, as the classes above do
