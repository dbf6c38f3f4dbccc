"""Score channels by the norms of their filters, so that each layer loses its smallest.

H. Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017, arXiv 1608.08710, section 3: the
sum of a filter's absolute weights, s_j = sum |F_ij|. The L2 norm in its place is that of Y. He et
al., Soft Filter Pruning, IJCAI 2018, arXiv 1808.06866, equation 2 with p = 2.

*Interpretation:* where several layers make the same channels, as a residual connection has it,
their norms are averaged; Li et al. take those of the projection shortcut.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from goldpan.channels.groups import ChannelGroup


def filter_l1(model: nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by sum |w| over their filters."""
    return filter_scores(model, groups, lambda filters: filters.abs().sum(1))


def filter_l2(model: nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by the root of sum w^2 over their filters."""
    return filter_scores(model, groups, lambda filters: filters.square().sum(1).sqrt())


@torch.no_grad()
def filter_scores(
    model: nn.Module, groups: Sequence[ChannelGroup], score: Callable[[Tensor], Tensor]
) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by the mean of their filters' scores.

    Args:
        score: a layer's filters, one a row, (outputs, weights) -> their scores (outputs,).
    """

    def of_layer(name: str) -> Tensor:
        weight = model.get_submodule(name).weight
        assert isinstance(weight, Tensor)
        return score(weight.flatten(1))

    return {
        group.name: torch.stack([group.pool(n, of_layer(n)) for n in group.producers]).mean(0)
        for group in groups
    }
