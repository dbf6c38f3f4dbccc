"""Keep the most important channels, of the whole network or of each layer.

A. Fischer et al., Receding Neuron Importances, arXiv 2204.06404: one threshold for the whole
network (rni, slimming), or one for each layer ("UCS": uniform). A floor of three channels keeps
every layer alive.
"""

import math
from collections.abc import Mapping
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from goldpan.allocation.selection import highest

FLOOR = 3

Count = Literal["nearest", "quantile", "at_most"]
"""How many of C channels are kept: the nearest whole number to (1 - sparsity) C, or those above
the quantile of their importances, as in RNI's code, or at most (1 - sparsity) C, as in GReg's."""


class ChannelAllocator(Protocol):
    """Chooses the channels that are kept, by their importances and the network's sparsity."""

    def __call__(
        self, scores: Mapping[str, Tensor], sparsity: float, *, floor: int = FLOOR
    ) -> dict[str, Tensor]:
        """Group name -> importances (C,) in, group name -> bool (C,) out, True where kept."""


def global_channels(
    scores: Mapping[str, Tensor],
    sparsity: float,
    *,
    floor: int = FLOOR,
    count: Count = "nearest",
) -> dict[str, Tensor]:
    """Keep the `kept_channels` most important channels of the whole network, ties by index.

    A layer left with fewer than `floor` keeps its `floor` best, or all if it has no more. So more
    may be kept than asked.
    """
    flat = torch.cat(list(scores.values()))
    kept = highest(flat, kept_channels(len(flat), sparsity, count))
    parts = kept.split([len(score) for score in scores.values()])
    return {
        name: part if int(part.sum()) >= floor else _best(score, floor)
        for (name, score), part in zip(scores.items(), parts, strict=True)
    }


def layerwise_channels(
    scores: Mapping[str, Tensor],
    sparsity: float,
    *,
    floor: int = FLOOR,
    count: Count = "nearest",
    spare: int = 0,
) -> dict[str, Tensor]:
    """Keep the `kept_channels` most important of each layer's C, at least `floor`.

    The first `spare` layers keep all, so that less than the sparsity goes of the whole network.
    """
    return {
        name: _best(
            score,
            len(score) if i < spare else max(floor, kept_channels(len(score), sparsity, count)),
        )
        for i, (name, score) in enumerate(scores.items())
    }


def kept_channels(channels: int, sparsity: float, count: Count) -> int:
    """round((1 - sparsity) C), or by quantile C - 1 - floor((C - 1) sparsity); all at sparsity 0.

    At most: C - ceil(sparsity C), as GReg's code rounds up the filters of a layer that go.
    RNI's code keeps the scores above np.quantile(scores, sparsity), which lies at (C - 1) sparsity
    of them in order, counted from 0.

    Raises:
        ValueError: if the sparsity is outside [0, 1), or there is no such count.
    """
    if not 0 <= sparsity < 1:
        raise ValueError(f"sparsity must lie in [0, 1), got {sparsity}")
    if count not in get_args(Count):
        raise ValueError(f"count must be one of {', '.join(get_args(Count))}, got {count}")
    if count == "nearest" or sparsity == 0:
        return round((1 - sparsity) * channels)
    if count == "at_most":
        return channels - math.ceil(sparsity * channels)
    return channels - 1 - math.floor((channels - 1) * sparsity)


def _best(score: Tensor, count: int) -> Tensor:
    return highest(score, min(count, len(score)))
