"""Scores by which weights are dropped: the lowest go."""

import torch
from torch import Tensor

from goldpan.regrowth.update import LayerState


def magnitude(layer: LayerState) -> Tensor:
    """|w|: U. Evci et al., RigL, ICML 2020, arXiv 1911.11134, section 3(3)."""
    return layer.weight.abs()


def magnitude_by_sign(layer: LayerState) -> Tensor:
    """The rank of |w| among the kept weights of the same sign, in (0, 1].

    The same fraction of the positive and of the negative weights is dropped, those closest to zero:
    D. Mocanu et al., SET, Nature Communications 2018, arXiv 1707.04780, algorithm 1.
    """
    ranks = torch.zeros_like(layer.weight)
    for side in (layer.weight > 0, layer.weight <= 0):
        chosen = side & layer.mask
        values = layer.weight[chosen].abs()
        order = torch.empty_like(values)
        places = torch.argsort(values, stable=True)
        order[places] = torch.arange(1, len(values) + 1, device=values.device, dtype=values.dtype)
        ranks[chosen] = order / max(1, len(values))
    return ranks
