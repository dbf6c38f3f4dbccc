"""An allocation of one's own: from scores to the weights that are kept."""

import math
from collections.abc import Mapping

from torch import Size

from goldpan.allocation.quotas import keep_quotas
from goldpan.masks import Masks
from goldpan.types import Scores


def spare_small_layers(scores: Scores, sparsity: float, alive: Masks) -> Masks:
    """Keep round((1 - sparsity) * total) of the weights that are alive, more in small layers."""
    return keep_quotas(scores, sparsity, alive, _densities)


def _densities(shapes: Mapping[str, Size], sparsity: float) -> dict[str, float]:
    """The fraction that each layer keeps: as many weights as the root of its size, scaled alike.

    `keep_quotas` makes the total exact.
    """
    sizes = {name: shape.numel() for name, shape in shapes.items()}
    scale = (1 - sparsity) * sum(sizes.values()) / sum(math.sqrt(size) for size in sizes.values())
    return {name: min(1.0, scale / math.sqrt(size)) for name, size in sizes.items()}
