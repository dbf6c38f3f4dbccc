"""Score channels by all weights that go with them: in filters, in norms, and in what reads them.

G. Fang et al., DepGraph: Towards Any Structural Pruning, CVPR 2023, arXiv 2301.12900, section 3.4:
I_k = sum of ||w[k]||_2^2 over the parameters w of a group, divided by its mean over the channels k,
so that groups can be compared: N I_k / sum of the N largest, with *interpretation* N = all.

*Differs from the paper:* the training has no group-sparse penalty (its "w/o SL"), and biases do not
count.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goldpan.channels.groups import ChannelGroup
from goldpan.layers.bounded_norm import importance


def group_magnitude(model: nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by their share of the group's squares; mean 1."""
    squares = {group.name: squared_norms(model, group) for group in groups}
    return {name: value / value.mean() for name, value in squares.items()}


@torch.no_grad()
def squared_norms(model: nn.Module, group: ChannelGroup) -> Tensor:
    """(size,): the sum of the squares of all weights that go with each channel."""
    total = torch.zeros(())
    for name, side in group.places:
        layer = model.get_submodule(name)
        if name in group.norms:
            values = importance(layer).square()  # type: ignore[arg-type]
        elif side == "out":
            values = layer.weight.square().flatten(1).sum(1)  # type: ignore[operator]
        elif (name, "out") in group.places:
            continue  # a grouped convolution: its weights went with its outputs
        else:
            values = input_squares(layer)
        total = total.to(values) + group.add_up(values, (name, side))
    return total


def input_squares(layer: nn.Module) -> Tensor:
    """(inputs,): the sum of the squares of the weights that read each input."""
    parts = layer.groups if isinstance(layer, nn.Conv2d) else 1
    weight = layer.weight
    assert isinstance(weight, Tensor)
    squares = weight.square().reshape(*weight.shape[:2], -1).sum(2)  # (outputs, inputs of a part)
    return squares.reshape(parts, -1, weight.shape[1]).sum(1).flatten()
