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


MaskedLayer = MaskedConv2d | MaskedLinear
Layer = Callable[..., nn.Module]  # makes a layer, as the classes above do
