"""Global allocation: one ranking of all the weights of the network."""

import torch

from goldpan.allocation.selection import highest
from goldpan.masks import Masks
from goldpan.types import Scores


def kept_count(sparsity: float, alive: Masks) -> int:
    """round((1 - sparsity) * total), or the number of weights alive if that is fewer.

    Raises:
        ValueError: if the sparsity is outside [0, 1).
    """
    if not 0 <= sparsity < 1:
        raise ValueError(f"sparsity must lie in [0, 1), got {sparsity}")
    return min(round((1 - sparsity) * alive.total), alive.kept)


def global_top(scores: Scores, sparsity: float, alive: Masks) -> Masks:
    """Keep the weights with the highest scores of the whole network."""
    flat = torch.cat([scores[name].flatten() for name in alive])
    living = torch.cat([mask.flatten() for mask in alive.values()])
    flat.masked_fill_(~living, -torch.inf)
    kept = highest(flat, kept_count(sparsity, alive)) & living
    parts = kept.split([mask.numel() for mask in alive.values()])
    return Masks({name: part.view_as(alive[name]) for name, part in zip(alive, parts, strict=True)})
