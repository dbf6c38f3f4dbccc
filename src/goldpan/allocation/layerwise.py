"""Layerwise allocation: every layer at the same density ("uniform" in the papers)."""

from collections.abc import Mapping

from torch import Size

from goldpan.allocation.quotas import keep_quotas
from goldpan.masks import Masks
from goldpan.types import Scores


def layerwise(scores: Scores, sparsity: float, alive: Masks) -> Masks:
    """Keep the highest scores of each layer, the same fraction of every layer."""
    return keep_quotas(scores, sparsity, alive, equal_densities)


def equal_densities(shapes: Mapping[str, Size], sparsity: float) -> dict[str, float]:
    """1 - sparsity for every layer."""
    return dict.fromkeys(shapes, 1 - sparsity)
