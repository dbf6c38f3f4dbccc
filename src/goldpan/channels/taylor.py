"""Taylor: remove the channels without which the loss would change least, to first order.

P. Molchanov et al., Importance Estimation for Neural Network Pruning, CVPR 2019, arXiv 1906.10771:
a gate z = 1 on the output y of a channel's BatchNorm has the importance (dL/dz)^2, where
dL/dz = sum of y dL/dy = gamma dL/dgamma + beta dL/dbeta; it is averaged over batches.

*Interpretation:* a group with several norms, as a residual connection has it, has one gate for all:
their dL/dz are added before the square. BatchNorm normalises by the batch, as in training.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goldpan.channels.gates import gate_slopes
from goldpan.channels.groups import ChannelGroup
from goldpan.types import Batch, Loss


def taylor(
    model: nn.Module, groups: Sequence[ChannelGroup], batches: Sequence[Batch], loss: Loss
) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by the mean over batches of (dL/dz)^2."""
    total = {group.name: torch.zeros(()) for group in groups}
    for batch in batches:
        for name, slope in gate_slopes(model, groups, batch, loss).items():
            total[name] = total[name].to(slope) + slope.square() / len(batches)
    return total
