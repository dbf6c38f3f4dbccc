"""Which channels of a masked network are live: read by a live output, and not zero for good.

See goldpan.channels.compaction for what makes a channel dead.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from goldpan.channels.finding import trace
from goldpan.channels.groups import ChannelGroup
from goldpan.masks import read_masks

Kept = dict[str, Tensor]

IMAGES = 4  # of random pixels, that a network is tried on


def live_channels(model: nn.Module, shape: Sequence[int]) -> Kept:
    """Group name -> bool (size,), False for dead channels; a group that is all dead keeps one."""
    groups = trace(model, shape).groups
    layers = dict(model.named_modules())
    silent = _silent(model, groups, shape)
    alive = {group.name: torch.ones(group.size, dtype=torch.bool) for group in groups}
    count = -1
    while count != (count := sum(int(keep.sum()) for keep in alive.values())):
        for group in groups:
            fed = _fed(group, groups, layers, alive) | ~silent[group.name]
            alive[group.name] &= fed & _read(group, groups, layers, alive)
    for keep in alive.values():
        keep[0] |= not keep.any()
    return alive


def _silent(model: nn.Module, groups: Sequence[ChannelGroup], shape: Sequence[int]) -> Kept:
    """Group name -> channels that are zero on random images, and that nothing pushes from zero.

    None of a group with several norms or producers, whose channels are sums.
    """
    net, images = double_copy(model), random_images(shape)
    outputs: dict[str, Tensor] = {}

    def note(module: nn.Module, _: object, output: Tensor) -> Tensor:
        output.retain_grad()
        outputs[names[module]] = output
        return output.clone()  # a ReLU in place would overwrite it

    names = {net.get_submodule(g.name): g.name for g in groups if _is_plain(g)}
    for norm in names:
        norm.register_forward_hook(note)
    probe(net.train()(images)).backward()
    silent = {}
    for group in groups:
        still = torch.zeros(group.size + 1, dtype=torch.bool)  # the last is the place of the others
        if (output := outputs.get(group.name)) is not None:
            moved = (output != 0) | (cast(Tensor, output.grad) != 0)
            still[group.places[group.name, "out"]] = ~moved.transpose(0, 1).flatten(1).any(1)
        silent[group.name] = still[:-1]
    return silent


def _is_plain(group: ChannelGroup) -> bool:
    return len(group.norms) == len(group.producers) == 1


def _read(
    group: ChannelGroup,
    groups: Sequence[ChannelGroup],
    layers: Mapping[str, nn.Module],
    alive: Kept,
) -> Tensor:
    """Which channels a kept weight of a live output reads."""
    used = torch.zeros(group.size + 1, dtype=torch.bool)  # the last is the place of the others
    for name in group.consumers:
        weights = _connections(layers[name])
        if weights is None:  # a grouped convolution: all of it counts as read
            return torch.ones(group.size, dtype=torch.bool)
        outputs = _living(name, "out", groups, alive, len(weights))
        read = (weights & outputs[:, None]).any(0)
        used[group.places[name, "in"][read]] = True
    return used[:-1]


def _fed(
    group: ChannelGroup,
    groups: Sequence[ChannelGroup],
    layers: Mapping[str, nn.Module],
    alive: Kept,
) -> Tensor:
    """Which channels a kept weight of a live input feeds, or anything else that is not zero."""
    fed = torch.zeros(group.size + 1, dtype=torch.bool)
    for name in group.producers:
        layer, owners = layers[name], group.places[name, "out"]
        weights = _connections(layer)
        if weights is None:
            return torch.ones(group.size, dtype=torch.bool)
        inputs = _living(name, "in", groups, alive, weights.shape[1])
        fed[owners[(weights & inputs).any(1)]] = True
        fed[owners[_nonzero(layer.bias, len(owners))]] = True  # type: ignore[arg-type]
    norm = layers[group.name]
    for values in (norm.bias, norm.running_mean):
        fed[group.places[group.name, "out"][_nonzero(values, norm.num_features)]] = True  # type: ignore[arg-type]
    return fed[:-1]


def _connections(layer: nn.Module) -> Tensor | None:
    """(outputs, inputs): where a layer keeps a weight; None if it is a grouped convolution."""
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        return None
    mask = getattr(layer, "mask", None)
    kept = torch.ones_like(layer.weight, dtype=torch.bool) if mask is None else mask  # type: ignore[arg-type]
    return kept.cpu().flatten(2).any(2) if kept.dim() > 2 else kept.cpu()


def _living(name: str, side: str, groups: Sequence[ChannelGroup], alive: Kept, size: int) -> Tensor:
    """Which of a layer's outputs or inputs are live; those of no group are."""
    living = torch.ones(size, dtype=torch.bool)
    for group in groups:
        if (name, side) in group.places:
            living &= group.spread(alive[group.name], (name, side))
    return living


def _nonzero(values: Tensor | None, size: int) -> Tensor:
    return torch.zeros(size, dtype=torch.bool) if values is None else values.detach().cpu() != 0


@torch.no_grad()
def double_copy(model: nn.Module) -> nn.Module:
    """A copy in float64 on the processor; kept weights that are zero are one, biases stay."""
    net = copy.deepcopy(model).cpu().double()
    masks = read_masks(net)
    for name, parameter in net.named_parameters():
        if not name.endswith("bias"):
            parameter[(parameter == 0) & masks.get(name, torch.ones(()).bool())] = 1
    return net


def random_images(shape: Sequence[int]) -> Tensor:
    """IMAGES images (C, H, W) of normal pixels, always the same."""
    return torch.randn(IMAGES, *shape, dtype=torch.float64, generator=_seeded())


def probe(logits: Tensor) -> Tensor:
    """A sum of the logits by normal weights, always the same: its gradient reaches every path."""
    return (logits * torch.randn(logits.shape, dtype=torch.float64, generator=_seeded())).sum()


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)
