"""An allocation of one's own: from scores to the weights that are kept."""

from collections.abc import Mapping

from torch import Size

from goldpan.allocation.quotas import keep_quotas
from goldpan.masks import Masks
from goldpan.types import Scores


def spare_small_layers(scores: Scores, sparsity: float, alive: Masks) -> Masks:
    """Keep round((1 - sparsity) * total) of the weights that are alive, more in small layers."""
    return keep_quotas(scores, sparsity, alive, _densities)


def _densities(shapes: Mapping[str, Size], sparsity: float) -> dict[str, float]:
    """Weights that each layer would keep, as a fraction; `keep_quotas` makes the total exact."""
    return {name: min(1.0, shape.numel() ** -0.25) for name, shape in shapes.items()}
