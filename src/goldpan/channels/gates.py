"""Gates on channels: factors on the outputs of their norms, and the slope of the loss by them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from goldpan.channels.groups import ChannelGroup
from goldpan.gradients import mean_loss, removing
from goldpan.types import Batch, Loss, Mode


def gated_layers(group: ChannelGroup) -> tuple[str, ...]:
    """The layers whose outputs a group's gates multiply: norms, or what makes hidden units."""
    return group.norms or group.producers


def gate_slopes(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    batch: Batch,
    loss: Loss,
    *,
    at: Mapping[str, Tensor] | None = None,
    how: Mode = "train",
) -> dict[str, Tensor]:
    """dL/dz (size,) of one gate z for each channel of each group, whose layers share it.

    Args:
        at: a layer's name -> the gates of its outputs, (C,); those of others are 1.
        how: train normalises by the batch, eval by the running statistics.
    """
    gates = {}
    for name in dict.fromkeys(name for group in groups for name in gated_layers(group)):
        weight = model.get_submodule(name).weight
        assert isinstance(weight, Tensor)
        outputs = weight.detach().reshape(len(weight), -1)[:, 0]
        start = torch.ones_like(outputs) if at is None or name not in at else at[name].to(outputs)
        gates[name] = start.clone().requires_grad_()
    with gated(model, gates), torch.enable_grad():
        device = next(model.parameters()).device
        images, labels = (part.to(device) for part in batch)
        value = mean_loss(model, {}, (images, labels), loss, how=how)
        found = torch.autograd.grad(value, list(gates.values()), materialize_grads=True)
    slopes = dict(zip(gates, found, strict=True))
    return {
        group.name: torch.stack(
            [group.add_up(slopes[name], (name, "out")) for name in gated_layers(group)]
        ).sum(0)
        for group in groups
    }


def layer_gates(
    groups: Sequence[ChannelGroup], kept: Mapping[str, Tensor], device: torch.device
) -> dict[str, Tensor]:
    """Layer name -> gates (C,) of its outputs: the products of the groups' values (size,).

    They are bools, or parts of a channel that stay. Outputs of no group have the gate 1.
    """
    found: dict[str, Tensor] = {}
    for group in groups:
        for name in gated_layers(group):
            gate = group.spread(kept[group.name].float().to(device), (name, "out"))
            found[name] = found[name] * gate if name in found else gate
    return found


@contextmanager
def gated(model: nn.Module, gates: Mapping[str, Tensor]) -> Iterator[None]:
    """The model whose layers' outputs are multiplied by these gates (C,), inside the block."""
    hooks = [
        model.get_submodule(name).register_forward_hook(partial(_multiply, gate=gate))
        for name, gate in gates.items()
    ]
    with removing(hooks):
        yield


def _multiply(layer: nn.Module, _: Any, made: Tensor, *, gate: Tensor) -> Tensor:
    """Channels are last behind a linear layer, and the second dimension behind a norm."""
    if isinstance(layer, nn.Linear):
        return made * gate
    return made * gate.view(-1, *[1] * (made.dim() - 2))
