"""Find the channels of a masked network that can be removed without changing how it trains.

Such a channel is dead: it is not read, or it is zero for good. All others are alive.

- *Read*: a kept weight leads from it to a channel that is alive, or to an output of the network.
- *Zero for good*: nothing feeds it, that is, no kept weight leads to it from a channel that is
  alive or from the images, and no bias, shift or running mean of its own is other than zero. And
  on random images both it and its gradient are zero, so that training never changes it. The
  gradient is zero where a ReLU follows, whose slope at zero is zero.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from goldpan.channels.finding import trace
from goldpan.channels.groups import ChannelGroup, Place
from goldpan.masks import read_masks
from goldpan.stream import stream

Channels = dict[str, Tensor]
"""Group name -> bool (size,), one for each channel of the group."""

IMAGES = 4  # of random pixels, that a network is tried on


def live_channels(model: nn.Module, shape: Sequence[int]) -> Channels:
    """Find the channels that are alive: group name -> bool (size,). `shape` is one image's.

    All channels begin alive. A channel dies if no living channel reads it, or if it is zero now
    and nothing living feeds it. Each death may cause others, so the groups are looked at again
    until none has lost a channel. A group that is all dead keeps its first channel, since no layer
    can have none.
    """
    groups = trace(model, shape).groups
    zero_now = _zero_channels(model, groups, shape)
    alive = {group.name: torch.ones(group.size, dtype=torch.bool) for group in groups}
    network = _Network(groups, dict(model.named_modules()), alive)
    changed = True
    while changed:  # It ends: channels only die, and there are finitely many.
        changed = False
        for group in groups:
            before = alive[group.name]
            zero_for_good = zero_now[group.name] & ~network.fed_by_living(group)
            alive[group.name] = before & network.read_by_living(group) & ~zero_for_good
            changed |= not torch.equal(alive[group.name], before)
    for living in alive.values():
        living[0] |= not living.any()
    return alive


class _Network:
    """A network's layers, its groups of channels, and which of these are alive so far."""

    def __init__(
        self, groups: Sequence[ChannelGroup], layers: Mapping[str, nn.Module], alive: Channels
    ) -> None:
        self.groups, self.layers, self.alive = groups, layers, alive

    def read_by_living(self, group: ChannelGroup) -> Tensor:
        """Which channels of a group have a kept weight to a living output: bool (size,)."""
        read = torch.zeros(group.size, dtype=torch.bool)
        for name in group.consumers:
            kept = _kept_weights(self.layers[name])
            if kept is None:
                return torch.ones_like(read)
            outputs = self.living((name, "out"), kept.shape[0])
            read |= group.gather((kept & outputs[:, None]).any(0), (name, "in"))
        return read

    def fed_by_living(self, group: ChannelGroup) -> Tensor:
        """Which channels of a group have a kept weight from a living input: bool (size,).

        A bias, or a norm's shift or running mean, feeds its channel as well if it is not zero.
        """
        fed = torch.zeros(group.size, dtype=torch.bool)
        for name in group.producers:
            kept = _kept_weights(self.layers[name])
            if kept is None:
                return torch.ones_like(fed)
            inputs = self.living((name, "in"), kept.shape[1])
            fed |= group.gather((kept & inputs).any(1), (name, "out"))
        # A group is named after its first norm, so its name is also that of a layer.
        biases = [(name, "bias") for name in (*group.producers, group.name)]
        for name, tensor in [*biases, (group.name, "running_mean")]:
            values: Tensor | None = getattr(self.layers[name], tensor)
            if values is not None:
                fed |= group.gather(values.detach().cpu() != 0, (name, "out"))
        return fed

    def living(self, place: Place, size: int) -> Tensor:
        """Which of a layer's `size` inputs or outputs are alive; those of no group always are."""
        living = torch.ones(size, dtype=torch.bool)
        for group in self.groups:
            if place in group.places:
                living &= group.spread(self.alive[group.name].cpu(), place)
        return living


def _kept_weights(layer: nn.Module) -> Tensor | None:
    """Whether a kept weight joins an output and an input of a layer: bool (outputs, inputs).

    None for a grouped convolution, whose channels all count as read and as fed.
    """
    if getattr(layer, "groups", 1) > 1:
        return None
    weight = cast(Tensor, layer.weight)
    mask = cast(Tensor, getattr(layer, "mask", torch.ones_like(weight, dtype=torch.bool)))
    return mask.cpu().flatten(2).any(2) if mask.dim() > 2 else mask.cpu()


def _zero_channels(
    model: nn.Module, groups: Sequence[ChannelGroup], shape: Sequence[int]
) -> Channels:
    """Which channels are zero now, with a gradient of zero: group name -> bool (size,).

    Only a channel of one layer and one norm can be. A channel of a residual stream is a sum: what
    is zero in it now, a norm that adds to it may still learn to fill, so it goes only if nothing
    reads it.
    """
    net, images = trial_copy(model), random_images(shape)
    outputs: dict[str, Tensor] = {}

    def keep_output(norm: nn.Module, _: object, output: Tensor) -> Tensor:
        output.retain_grad()
        outputs[names[norm]] = output
        return output.clone()  # a ReLU in place would overwrite it

    single = [group for group in groups if len(group.norms) == len(group.producers) == 1]
    names = {net.get_submodule(group.name): group.name for group in single}
    for norm in names:
        norm.register_forward_hook(keep_output)
    weighted_sum(net.train()(images)).backward()
    zero = {group.name: torch.zeros(group.size, dtype=torch.bool) for group in groups}
    for group in single:
        output = outputs[group.name]
        moves = (output != 0) | (cast(Tensor, output.grad) != 0)  # (N, C, H, W) or (N, C)
        moving = moves.transpose(0, 1).flatten(1).any(1)
        zero[group.name] = ~group.gather(moving, (group.name, "out"))
    return zero


@torch.no_grad()
def trial_copy(model: nn.Module) -> nn.Module:
    """Copy a network to try what its channels can do: in float64 on the CPU, without zero weights.

    Kept weights that are zero become one, biases stay. A norm may start with a scale of zero, as
    the last of a residual block often does; it would hide what comes before it until it has
    learnt. In float64 small gradients do not vanish on their way through a deep network, and two
    networks that compute the same agree to 12 digits.
    """
    net = copy.deepcopy(model).cpu().double()
    masks = read_masks(net)
    for name, parameter in net.named_parameters():
        if not name.endswith("bias"):
            parameter[(parameter == 0) & masks.get(name, torch.ones(()).bool())] = 1
    return net


def random_images(shape: Sequence[int]) -> Tensor:
    """Draw 4 images (C, H, W) with normal pixels in float64, the same ones at every call."""
    return torch.randn(IMAGES, *shape, dtype=torch.float64, generator=stream("trial", "images"))


def weighted_sum(logits: Tensor) -> Tensor:
    """Sum the logits with normal weights, the same at every call: a gradient that is nowhere 0."""
    drawn = stream("trial", "weights")
    return (logits * torch.randn(logits.shape, dtype=torch.float64, generator=drawn)).sum()
