"""LAMP scores of groups of channels: every layer keeps its best, and all are ranked together.

J. Lee et al., Layer-adaptive Sparsity for Magnitude Pruning, ICLR 2021, arXiv 2010.07611, for the
channels of a group, as Torch-Pruning has it: with I_k the squared norm of all weights that go with
a channel, its score is I_k / sum of I_j over the channels j whose I_j is no lower.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goldpan.allocation.lamp import lamp_scores
from goldpan.channels.group_magnitude import squared_norms
from goldpan.channels.groups import ChannelGroup


def group_lamp(model: nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), in (0, 1]; the best of each has 1."""
    norms = {group.name: squared_norms(model, group).sqrt() for group in groups}
    return {name: lamp_scores(u, torch.ones_like(u, dtype=torch.bool)) for name, u in norms.items()}
