"""The nouns of goldpan: what a pruning method is given and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from torch import Tensor, nn

from goldpan.masks import Masks

Batch = tuple[Tensor, Tensor]
"""Images (N, C, H, W) and labels (N,) int64."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""Logits (N, K) and labels (N,) -> the mean loss over N, a scalar."""

Scores = Mapping[str, Tensor]
"""Weight name -> a tensor of the weight's shape; the higher, the longer the weight is kept."""

Schedule = Callable[[float], float]
"""Progress of the pruning in [0, 1] -> sparsity in [0, 1)."""

Calendar = Callable[[int], float | None]
"""Training step -> progress of the pruning in [0, 1] when it is due at that step, else None."""

Penalty = Callable[[nn.Module], Tensor]
"""Model -> a scalar added to the loss, on the model's device."""


class Scorer(Protocol):
    """How much each prunable weight matters.

    The weights that count are the *effective* ones, weight * mask: during a pruning of several
    rounds the dense weights stay in the model and only the masks change.
    """

    def __call__(self, model: nn.Module, batches: Sequence[Batch], loss: Loss) -> Scores:
        """Score every masked layer's weight; leaves no trace on the model."""


class Allocator(Protocol):
    """Which weights are kept, given their scores and the sparsity of the whole network."""

    def __call__(self, scores: Scores, sparsity: float, alive: Masks) -> Masks:
        """Keep exactly round((1 - sparsity) * total) weights, or all that are alive if fewer."""
