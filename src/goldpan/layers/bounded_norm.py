"""A BatchNorm whose scale lies in (0, 1) and which has no bias, for receding neuron importances.

A. Fischer et al., Receding Neuron Importances for Structured Pruning, arXiv 2204.06404: "SigBN",
y = sigmoid(gamma) * (x - mean) / sqrt(var + eps); the importance of a channel is sigmoid(gamma),
gamma ~ N(0, 1) at first. Without a bias, a channel whose importance recedes to 0 returns 0, so that
its removal changes nothing.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BOUNDS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "hard": lambda gamma: (gamma / 4 + 0.5).clamp(0, 1),
    "tanh": lambda gamma: (torch.tanh(gamma) + 1) / 2,
}
"""Ablations beside the paper's sigmoid; `hard` has its value and slope at 0."""


class BoundedBatchNorm2d(nn.BatchNorm2d):
    """y = bound(gamma) * (x - mean) / sqrt(var + eps) on (N, C, H, W), by PyTorch's own kernel.

    Args:
        bound: sigmoid, or hard or tanh for ablation.
        bias: add a learnt bias (C,), 0 at first; the paper has none.

    Raises ValueError if there is no such bound.
    """

    unit_weight = float("inf")
    """The gamma of which the scale is 1."""

    def __init__(
        self, channels: int, *, bound: str = "sigmoid", bias: bool = False, **options: Any
    ) -> None:
        if bound not in BOUNDS:
            raise ValueError(f"bound is one of {', '.join(BOUNDS)}; got {bound!r}")
        super().__init__(channels, **options)
        self.bound = bound
        if not bias:
            self.register_parameter("bias", None)

    def reset_parameters(self) -> None:
        """gamma ~ N(0, 1), bias 0, running statistics 0 and 1."""
        self.reset_running_stats()
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def importance(self) -> Tensor:
        """bound(gamma), (C,): the scale, and how much each channel matters."""
        return BOUNDS[self.bound](self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise by the batch in training and by the running statistics in evaluation."""
        self._check_input_dim(x)
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        statistics = (self.running_mean, self.running_var)
        scale, rate = self.importance(), self.momentum or 0.0
        return F.batch_norm(x, *statistics, scale, self.bias, self.training, rate, self.eps)

    @torch.no_grad()
    def to_plain(self) -> nn.BatchNorm2d:
        """The BatchNorm2d that computes the same: weight = bound(gamma), bias 0 or its own."""
        plain = nn.BatchNorm2d(self.num_features, self.eps, self.momentum)
        plain.to(self.weight.device, self.weight.dtype).train(self.training)
        plain.load_state_dict(
            dict(self.state_dict())
            | {"weight": self.importance()}
            | ({} if self.bias is not None else {"bias": torch.zeros_like(self.weight)})
        )
        return plain


def importance(norm: nn.BatchNorm2d) -> Tensor:
    """How much each channel of a norm matters, (C,): bound(gamma), or |weight| in a plain norm."""
    return norm.importance() if isinstance(norm, BoundedBatchNorm2d) else norm.weight.abs()


def find_norms(model: nn.Module) -> dict[str, nn.BatchNorm2d]:
    """The model's BatchNorms with a scale, by name, in its order."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.BatchNorm2d) and module.affine
    }


def norms(model: nn.Module) -> dict[str, nn.BatchNorm2d]:
    """As `find_norms`; ValueError if the model has none."""
    if not (found := find_norms(model)):
        raise ValueError(
            f"{type(model).__name__} has no BatchNorm2d; rni, slimming and polarization rank "
            "channels by its scales"
        )
    return found
