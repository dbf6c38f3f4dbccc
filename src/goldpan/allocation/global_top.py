"""Global allocation: one ranking of all the weights of the network."""

from goldpan.allocation.selection import highest_among
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
    living, ranked = [*alive.values()], [scores[name] for name in alive]
    kept = highest_among(living, ranked, kept_count(sparsity, alive))
    return Masks(dict(zip(alive, kept, strict=True)))
