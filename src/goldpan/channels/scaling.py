"""Multiply what layers read of their input channels: a factor for each, put into the weights."""

import copy
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from goldpan.channels.choosing import ChannelChoice, Scope, prunable_groups
from goldpan.channels.groups import ChannelGroup
from goldpan.channels.surgery import shrink


def carry_out(
    model: nn.Module, choice: ChannelChoice, shape: Sequence[int], scope: Scope = "all"
) -> nn.Module:
    """Copy a network without the channels that a choice does not keep, the others weighed by it.

    Args:
        shape: that of one image, (C, H, W).
        scope: that of the choice.

    Raises ValueError as `shrink` does.
    """
    if choice.scales:
        model = scale_readers(model, prunable_groups(model, shape, scope), choice.scales)
    return shrink(model, choice.kept, shape)


@torch.no_grad()
def scale_readers(
    model: nn.Module, groups: Iterable[ChannelGroup], scales: Mapping[str, Tensor]
) -> nn.Module:
    """Copy a network whose readers of a group's channels see them times `scales`, (size,) a group.

    Groups that `scales` does not name stay as they are.
    """
    scaled = copy.deepcopy(model)
    for group in groups:
        if group.name in scales:
            for name, weight in scaled_weights(scaled, group, scales[group.name]).items():
                scaled.get_parameter(name).copy_(weight)
    return scaled


def scaled_weights(model: nn.Module, group: ChannelGroup, scale: Tensor) -> dict[str, Tensor]:
    """Weight name -> the weight with which a group's readers see its channels times `scale`.

    A depthwise layer, which passes the channels on, is not a reader: those behind it are.
    """
    found = {}
    for name in readers_of(model, group):
        weight = model.get_submodule(name).weight
        assert isinstance(weight, Tensor)
        at_inputs = group.spread(scale.to(weight), (name, "in"))
        blocks = len(at_inputs) // weight.shape[1]  # groups of a convolution
        factors = at_inputs.view(blocks, 1, -1).expand(-1, len(weight) // blocks, -1)
        kernel = [1] * (weight.dim() - 2)
        found[f"{name}.weight"] = weight.detach() * factors.reshape(*weight.shape[:2], *kernel)
    return found


def readers_of(model: nn.Module, group: ChannelGroup) -> list[str]:
    """The names of the layers that read a group's channels and do not merely pass them on."""
    return [
        name
        for name in group.consumers
        if name not in group.producers or getattr(model.get_submodule(name), "groups", 1) == 1
    ]
