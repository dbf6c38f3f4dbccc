"""Receding: A. Fischer et al., Receding Neuron Importances, arXiv 2204.06404.

With x = gamma + shift and s = sigmoid(x) the force on gamma is strength * (-ln s) * s * (1 - s),
strongest (0.26035) at x = -1.1769 and dying off to both sides, twice as fast to the right:
important channels feel nothing, and channels that have receded are let go.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.layers.bounded_norm import BoundedBatchNorm2d, norms
from goldpan.types import Batch


def receding(model: nn.Module, batch: Batch, *, strength: float, shift: float) -> Tensor:
    """strength * sum of s (1 - ln s) over all channels of all norms, s = sigmoid(gamma + shift).

    In the form s - s * logsigmoid(x), which is finite where ln s is not.

    Raises:
        ValueError: if a norm is not bounded.
    """
    found = norms(model)
    for name, norm in found.items():
        if not isinstance(norm, BoundedBatchNorm2d):
            kind = type(norm).__name__
            raise ValueError(f"receding needs bounded norms, {name} is a {kind}; use slimming")
    x = torch.cat([norm.weight for norm in found.values()]) + shift
    s = torch.sigmoid(x)
    return strength * (s - s * F.logsigmoid(x)).sum()
