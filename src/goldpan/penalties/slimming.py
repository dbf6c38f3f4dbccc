"""Network Slimming: Z. Liu et al., ICCV 2017, arXiv 1708.06519; and its form on bounded scales."""

import torch
from torch import Tensor, nn

from goldpan.layers.bounded_norm import importance, norms
from goldpan.types import Batch


def slimming(model: nn.Module, batch: Batch, *, strength: float) -> Tensor:
    """strength * sum of |scale| over all channels of all norms.

    On bounded norms, where the scale is bound(gamma), it is the ablation of RNI whose force
    s (1 - s) spares neither side.
    """
    scales = torch.cat([importance(norm) for norm in norms(model).values()])
    return strength * scales.sum()
