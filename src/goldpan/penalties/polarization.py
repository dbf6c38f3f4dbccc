"""Polarization: T. Zhuang et al., Neuron-level Structured Pruning using Polarization Regularizer,
NeurIPS 2020, equation 2. Its scales are clamped to [0, 1] after every step: `clamp_scales`.

Differs from the authors' code: in ResNet-56 the norm of the stem counts too (2,032 channels, theirs
2,016: those of the blocks), and one threshold serves the whole network, theirs one each layer.
"""

import torch
from torch import Tensor, nn

from goldpan.layers.bounded_norm import norms
from goldpan.types import Batch


def polarization(model: nn.Module, batch: Batch, *, strength: float, t: float) -> Tensor:
    """strength * (t * sum |gamma| - sum |gamma - mean|), the mean over all channels of the net.

    Its optimum has a fraction 1/2 - t/4 of the scales at 1 and the rest at 0 (theorem 3.2).
    """
    scales = torch.cat([norm.weight for norm in norms(model).values()])
    return strength * (t * scales.abs().sum() - (scales - scales.mean()).abs().sum())


@torch.no_grad()
def clamp_scales(model: nn.Module) -> None:
    """Bring every norm's scale back into [0, 1]."""
    for norm in norms(model).values():
        norm.weight.clamp_(0, 1)
