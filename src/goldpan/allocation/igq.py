"""Ideal gas quotas: A. Vysogorets and J. Kempe, Connectivity Matters, JMLR 2023, arXiv 2107.02306.

Layers are cylinders of an ideal gas that one common force F compresses: a layer of n weights has
the density 1 / (F n + 1), so that large layers lose most. *Interpretation:* the formula is that of
public implementations; the paper's own text was not available.
"""

from collections.abc import Mapping

from torch import Size

from goldpan.allocation.quotas import keep_quotas
from goldpan.masks import Masks
from goldpan.types import Scores

BISECTIONS = 200


def igq(scores: Scores, sparsity: float, alive: Masks) -> Masks:
    """Keep the highest scores of each layer, layer densities 1 / (F n + 1)."""
    return keep_quotas(scores, sparsity, alive, igq_densities)


def igq_densities(shapes: Mapping[str, Size], sparsity: float) -> dict[str, float]:
    """1 / (F n + 1) for each layer of n weights, F found by bisection to give the sparsity."""
    sizes = {name: shape.numel() for name, shape in shapes.items()}
    target = (1 - sparsity) * sum(sizes.values())
    # The number of kept weights falls as F rises, from all of them at F = 0: double F until too few
    # are left, then halve the interval until float64 has no more digits.
    low, high = 0.0, 1.0
    while _kept(sizes, high) > target:
        high *= 2
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _kept(sizes, middle) > target else (low, middle)
    return {name: 1 / (high * size + 1) for name, size in sizes.items()}


def _kept(sizes: Mapping[str, int], force: float) -> float:
    """The number of weights that the force F leaves, not rounded."""
    return sum(size / (force * size + 1) for size in sizes.values())
