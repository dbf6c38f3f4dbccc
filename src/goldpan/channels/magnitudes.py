"""Score channels by the weights of their filters.

When to Prune?, M. Shen et al., CVPR 2022, arXiv 2110.12007, equation 2: the importance of a neuron
is ||W_n||_2 / sqrt(P), P being the number of its parameters, so that layers can be compared.
*Interpretation:* W_n is the filter's weights without its bias, and where several layers make the
same channels, as a residual connection has it, their importances are averaged. The paper has no
code.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from goldpan.channels.filter_norms import filter_scores
from goldpan.channels.groups import ChannelGroup


def filter_magnitudes(model: nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by the root mean square of their filters."""
    return filter_scores(model, groups, lambda filters: filters.square().mean(1).sqrt())
