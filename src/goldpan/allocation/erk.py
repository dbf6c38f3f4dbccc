"""Erdos-Renyi-Kernel: U. Evci et al., Rigging the Lottery, ICML 2020, arXiv 1911.11134."""

from collections.abc import Mapping

from torch import Size

from goldpan.allocation.quotas import keep_quotas
from goldpan.masks import Masks
from goldpan.types import Scores


def erk(scores: Scores, sparsity: float, alive: Masks) -> Masks:
    """Keep the highest scores of each layer, layer densities in proportion to erk_densities."""
    return keep_quotas(scores, sparsity, alive, erk_densities)


def erk_densities(shapes: Mapping[str, Size], sparsity: float) -> dict[str, float]:
    """Density of each layer: eps * sum(shape) / prod(shape), shape (n_out, n_in, kh, kw).

    eps is the number that makes the whole network as sparse as asked. A layer that would exceed
    density 1 is dense, and eps is solved again for the others.
    """
    raw = {name: sum(shape) / shape.numel() for name, shape in shapes.items()}
    dense: set[str] = set()
    while True:  # It ends: each time at least one more layer is dense.
        # n weights times raw density is sum(shape), so eps = budget / (sum of sums of shapes).
        budget = (1 - sparsity) * sum(shape.numel() for shape in shapes.values())
        budget -= sum(shapes[name].numel() for name in dense)
        eps = budget / (sum(sum(shapes[name]) for name in shapes.keys() - dense) or 1)
        full = {name for name in shapes.keys() - dense if eps * raw[name] > 1}
        if not full:
            return {name: 1.0 if name in dense else eps * raw[name] for name in shapes}
        dense |= full
