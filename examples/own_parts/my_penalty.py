"""A penalty of one's own: what is added to the loss, so that channels recede."""

import torch
from torch import Tensor, nn

from goldpan.layers.bounded_norm import norms
from goldpan.types import Batch


def square_roots(model: nn.Module, batch: Batch, *, strength: float) -> Tensor:
    """strength * sum of sqrt(|scale|) over the channels of all norms, a scalar."""
    scales = torch.cat([norm.weight for norm in norms(model).values()])
    return strength * (scales.abs() + 1e-6).sqrt().sum()
