"""LAMP: J. Lee et al., Layer-adaptive Sparsity for Magnitude Pruning, ICLR 2021, arXiv 2010.07611.

Written for magnitudes; here any score u takes the place of |w|.
"""

import torch
from torch import Tensor

from goldpan.allocation.global_top import global_top
from goldpan.masks import Masks
from goldpan.types import Scores


def lamp(scores: Scores, sparsity: float, alive: Masks) -> Masks:
    """Keep the highest LAMP scores of the whole network: each layer's best is among them.

    Raises:
        ValueError: if a score is negative, since LAMP ranks by squares.
    """
    if negative := [name for name in alive if (scores[name] < 0).any()]:
        raise ValueError(
            f"LAMP needs scores >= 0, got negative ones in {negative[0]}; use global_top"
        )
    adapted = {name: lamp_scores(scores[name], mask) for name, mask in alive.items()}
    return global_top(adapted, sparsity, alive)


def lamp_scores(score: Tensor, alive: Tensor) -> Tensor:
    """u^2 / sum of v^2 over the scores v of the layer that rank no lower than u; 0 where not alive.

    Computed in float64; of equal scores the first ranks higher.
    """
    flat = score.double().masked_fill(~alive, -torch.inf).flatten()
    order = flat.argsort(descending=True, stable=True)
    squares = flat[order].square().masked_fill(~alive.flatten()[order], 0)
    sums = squares.cumsum(0)
    ratios = torch.where(sums > 0, squares / sums.clamp(min=torch.finfo(sums.dtype).tiny), 0)
    return torch.empty_like(flat).index_copy_(0, order, ratios).view_as(score)
