"""Score channels by the weights of their filters.

When to Prune?, M. Shen et al., CVPR 2022, arXiv 2110.12007, equation 2: the importance of a neuron
is ||W_n||_2 / sqrt(P), P being the number of its parameters, so that layers can be compared.
*Interpretation:* W_n is the filter's weights without its bias, and where several layers make the
same channels, as a residual connection has it, their importances are averaged. The paper has no
code.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goldpan.channels.groups import ChannelGroup


@torch.no_grad()
def filter_magnitudes(model: nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by the root mean square of their filters."""
    return {
        group.name: torch.stack(
            [group.pool(name, _root_mean_square(model, name)) for name in group.producers]
        ).mean(0)
        for group in groups
    }


def _root_mean_square(model: nn.Module, name: str) -> Tensor:
    """||W_n||_2 / sqrt(P) of each of a layer's outputs."""
    weight = model.get_submodule(name).weight
    assert isinstance(weight, Tensor)
    return weight.flatten(1).square().mean(1).sqrt()
