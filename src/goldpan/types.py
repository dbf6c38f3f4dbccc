"""The nouns of goldpan: what a pruning method is given and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor, nn

from goldpan.masks import Masks

Batch = tuple[Tensor, Tensor]
"""Images (N, C, H, W) and labels (N,) int64, or the larger images that they shall become."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""A network's answer, such as logits (N, K), and targets -> the mean loss over N, a scalar."""

Scores = Mapping[str, Tensor]
"""Weight name -> a tensor of the weight's shape; the higher, the longer the weight is kept."""

Schedule = Callable[[float], float]
"""Progress of the pruning in [0, 1] -> sparsity in [0, 1)."""

Rounding = Callable[[float, int], float]
"""Sparsity and number of weights -> the sparsity at which a whole number of them is kept."""

Calendar = Callable[[int], float | None]
"""Training step -> progress of the pruning in [0, 1] when it is due at that step, else None."""

Penalty = Callable[[nn.Module, Batch], Tensor]
"""Model and the step's batch -> a scalar added to the loss, on the model's device."""

DrawBatches = Callable[[int], Sequence[Batch]]
"""The number of a round (from 1) -> the batches that its scores see."""

OnRound = Callable[[int, float], None]
"""Called after each round of pruning with its number and the sparsity reached."""


Mode = Literal["train", "eval"]
"""How BatchNorm normalises while a network is scored: by the batch, or by what it remembers."""


class Scorer(Protocol):
    """How much each prunable weight matters.

    The weights that count are the *effective* ones, weight * mask: during a pruning of several
    rounds the dense weights stay in the model and only the masks change.
    """

    def __call__(self, model: nn.Module, batches: Sequence[Batch], loss: Loss) -> Scores:
        """Score every masked layer's weight; leaves no trace on the model."""


@dataclass(frozen=True)
class AsIndex:
    """How Panning uses a scorer as one of its indices; the scorer's module declares it as AS_INDEX.

    Args:
        raw: Panning passes `raw=True`, for scores of cut weights too, with their sign if any.
        temperature: Panning passes the number by which it divides the logits.
        sees_masks: the scorer is shown the network as masked so far, not the dense one.
    """

    raw: bool = False
    temperature: bool = False
    sees_masks: bool = False


class Allocator(Protocol):
    """Which weights are kept, given their scores and the sparsity of the whole network."""

    def __call__(self, scores: Scores, sparsity: float, alive: Masks) -> Masks:
        """Keep exactly round((1 - sparsity) * total) weights, or all that are alive if fewer."""
