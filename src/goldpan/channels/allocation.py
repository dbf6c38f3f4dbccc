"""Keep the most important channels, of the whole network or of each layer.

A. Fischer et al., Receding Neuron Importances, arXiv 2204.06404: one threshold for the whole
network (rni, slimming), or one for each layer ("UCS": uniform). A floor of three channels keeps
every layer alive.
"""

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from goldpan.allocation.selection import highest

FLOOR = 3


class ChannelAllocator(Protocol):
    """Chooses the channels that are kept, by their importances and the network's sparsity."""

    def __call__(
        self, scores: Mapping[str, Tensor], sparsity: float, *, floor: int = FLOOR
    ) -> dict[str, Tensor]:
        """Group name -> importances (C,) in, group name -> bool (C,) out, True where kept."""


def global_channels(
    scores: Mapping[str, Tensor], sparsity: float, *, floor: int = FLOOR
) -> dict[str, Tensor]:
    """Keep the round((1 - sparsity) * C) most important channels of the network, ties by index.

    A layer left with fewer than `floor` keeps its `floor` best, or all if it has no more. So more
    may be kept than asked.
    """
    flat = torch.cat(list(scores.values()))
    kept = highest(flat, round((1 - _checked(sparsity)) * len(flat)))
    parts = kept.split([len(score) for score in scores.values()])
    return {
        name: part if int(part.sum()) >= floor else _best(score, floor)
        for (name, score), part in zip(scores.items(), parts, strict=True)
    }


def layerwise_channels(
    scores: Mapping[str, Tensor], sparsity: float, *, floor: int = FLOOR
) -> dict[str, Tensor]:
    """Keep the round((1 - sparsity) * C) most important of each layer's C, at least `floor`."""
    keep = 1 - _checked(sparsity)
    return {name: _best(s, max(floor, round(keep * len(s)))) for name, s in scores.items()}


def _best(score: Tensor, count: int) -> Tensor:
    return highest(score, min(count, len(score)))


def _checked(sparsity: float) -> float:
    if not 0 <= sparsity < 1:
        raise ValueError(f"sparsity must lie in [0, 1), got {sparsity}")
    return sparsity
