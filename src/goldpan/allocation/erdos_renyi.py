"""Erdos-Renyi layers by draws that may meet: the code of SET, D. Mocanu et al., 2018, 1707.04780.

Their tutorial puts eps (n_in + n_out) connections at random places of a layer, with replacement,
and those that meet count once. So of a layer 1 - exp(-eps (n_in + n_out) / (n_in n_out)) is kept,
on average: always less than all of it, where `erk` makes small layers whole.
"""

import sys
from collections.abc import Mapping
from math import exp

from torch import Size

from goldpan.allocation.quotas import keep_quotas
from goldpan.masks import Masks
from goldpan.types import Scores

BISECTIONS = 100


def erdos_renyi(scores: Scores, sparsity: float, alive: Masks) -> Masks:
    """Keep the highest scores of each layer, as many as `erdos_renyi_densities` says."""
    return keep_quotas(scores, sparsity, alive, erdos_renyi_densities)


def erdos_renyi_densities(shapes: Mapping[str, Size], sparsity: float) -> dict[str, float]:
    """Density of each layer: 1 - exp(-eps sum(shape) / prod(shape)), shape (n_out, n_in, kh, kw).

    eps is the number that makes the whole network as sparse as asked. Of a convolution the kernel's
    sides count too, as in `erk` (interpretation; the authors' networks have none).
    """
    sizes = {name: shape.numel() for name, shape in shapes.items()}

    def densities(eps: float) -> dict[str, float]:
        return {name: 1 - exp(-eps * sum(shape) / sizes[name]) for name, shape in shapes.items()}

    def kept(eps: float) -> float:
        return sum(sizes[name] * density for name, density in densities(eps).items())

    budget = (1 - sparsity) * sum(sizes.values())
    low, high = 0.0, 1.0
    while kept(high) < budget and high < 1 / sys.float_info.epsilon:
        high *= 2
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if kept(middle) < budget else (low, middle)
    return densities(high)
