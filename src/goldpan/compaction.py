"""Exact compaction: channels that masks have left dead are removed, and what is computed stays.

A channel is dead if no kept weight reads it, or if it is zero for good: none feeds it, it passes
one norm that starts without shift, and a ReLU, whose slope at zero is zero, keeps it there. Finding
one makes others dead, so it is done to a fixed point. A channel of a residual stream is a sum, to
which a norm may still learn to add; it goes only if nothing reads it.

The whole network trains as the compacted one does but for rounding, since dead weights have no
gradient. Each network is checked for it in float64, logits and gradients, with ones where kept
weights are zero at first: a norm that starts at zero would hide what comes before it. That
unstructured masks leave dead channels is old knowledge (Vysogorets and Kempe, Connectivity Matters,
JMLR 2023, arXiv 2107.02306); to take them out before training is goldpan's own.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from goldpan.channels import trace
from goldpan.coupling import ChannelGroup
from goldpan.masks import read_masks
from goldpan.surgery import refill, shrink

Kept = dict[str, Tensor]

IMAGES = 4  # of random pixels, that a network is tried on

_TOLERANCE = 1e-6  # of gradients in float64, relative to the largest; wrong ones are off by more


@dataclass(frozen=True)
class Compaction:
    """A masked network, and the smaller one that trains as it would.

    `kept` maps a group's name, that of its first norm, to bools (size,), True where the channel
    stays.
    """

    whole: nn.Module
    small: nn.Module
    kept: Mapping[str, Tensor]
    shape: Sequence[int]

    @property
    def removed(self) -> float:
        """The fraction of the channels in groups that are gone."""
        total = sum(len(keep) for keep in self.kept.values())
        return 1 - sum(int(keep.sum()) for keep in self.kept.values()) / total if total else 0.0

    def state_dict(self) -> dict[str, Any]:
        """What `restore` makes the same compaction from, as tensors and plain values."""
        return {
            "whole": self.whole.state_dict(),
            "kept": dict(self.kept),
            "shape": list(self.shape),
        }

    def expand(self) -> nn.Module:
        """The whole network with what the small one has learnt; dead weights as they were."""
        return refill(self.whole, self.small, self.kept, self.shape)


def check_compactable(model: nn.Module, shape: Sequence[int]) -> None:
    """Refuse a network that cannot be compacted, whatever its masks; `shape` is (C, H, W).

    Raises:
        ValueError: if it cannot be traced, or draws random numbers in training.
    """
    trace(model, shape)
    net, images = _double(model).train(), _images(shape)
    with torch.no_grad(), torch.random.fork_rng([]):
        if not torch.equal(net(images), net(images)):
            raise ValueError(
                "compact=true needs a network without dropout and its like: what they draw depends "
                "on the number of channels; choose compact=false"
            )


def compact(model: nn.Module, shape: Sequence[int]) -> Compaction:
    """Remove the dead channels of a masked network for images of shape (C, H, W).

    Raises:
        ValueError: if the model cannot be traced, or the smaller network would not train as it.
    """
    compaction = remove(model, shape, live_channels(model, shape))
    _require_same_training(compaction)
    return compaction


def restore(model: nn.Module, state: Mapping[str, Any]) -> Compaction:
    """The compaction of a state, its small network as untrained as it was; takes `model` over."""
    model.load_state_dict(state["whole"])
    return remove(model, state["shape"], state["kept"])


def remove(model: nn.Module, shape: Sequence[int], kept: Mapping[str, Tensor]) -> Compaction:
    """The compaction that keeps just these channels."""
    return Compaction(model, shrink(model, kept, shape), kept, tuple(shape))


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
    net, images = _double(model), _images(shape)
    outputs: dict[str, Tensor] = {}

    def note(module: nn.Module, _: object, output: Tensor) -> Tensor:
        output.retain_grad()
        outputs[names[module]] = output
        return output.clone()  # a ReLU in place would overwrite it

    names = {net.get_submodule(g.name): g.name for g in groups if _is_plain(g)}
    for norm in names:
        norm.register_forward_hook(note)
    logits = net.train()(images)
    (
        logits * torch.randn(logits.shape, dtype=logits.dtype, generator=_generator())
    ).sum().backward()
    silent = {group.name: torch.zeros(group.size, dtype=torch.bool) for group in groups}
    for name, output in outputs.items():
        moved = (output != 0) | (cast(Tensor, output.grad) != 0)
        owners = next(group for group in groups if group.name == name).places[name, "out"]
        still = torch.cat([silent[name], torch.tensor([False])])
        still[owners] = ~moved.transpose(0, 1).flatten(1).any(1)
        silent[name] = still[:-1]
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
            owners = group.places[name, side]
            living &= torch.cat([alive[group.name], torch.tensor([True])])[owners]
    return living


def _nonzero(values: Tensor | None, size: int) -> Tensor:
    return torch.zeros(size, dtype=torch.bool) if values is None else values.detach().cpu() != 0


def _require_same_training(compaction: Compaction) -> None:
    """Compare logits, in train and eval mode, and the gradients of what is kept.

    Raises:
        ValueError: if they differ.
    """
    large, small = _double(compaction.whole), _double(compaction.small)
    images = _images(compaction.shape)
    with torch.no_grad():
        _require_close("eval logits", large.eval()(images), small.eval()(images))
    logits = [net.train()(images) for net in (large, small)]
    _require_close("logits", *logits)
    weights = torch.randn(logits[0].shape, dtype=torch.float64, generator=_generator())
    for values in logits:
        (values * weights).sum().backward()
    for net in (large, small):
        for parameter in net.parameters():
            found = parameter.grad
            parameter.data = torch.zeros_like(parameter) if found is None else found
    masks = read_masks(large)
    empty = copy.deepcopy(large)
    for parameter in empty.parameters():
        parameter.data.zero_()
    spread = dict(refill(empty, small, compaction.kept, compaction.shape).named_parameters())
    for name, gradient in large.named_parameters():
        mask = masks.get(name, torch.ones(()))  # cut weights have gradients that no one uses
        _require_close(f"gradients of {name}", gradient * mask, spread[name] * mask)


def _require_close(what: str, expected: Tensor, got: Tensor) -> None:
    expected, got = expected.detach(), got.detach()
    scale, difference = float(expected.abs().max()), float((got - expected).abs().max())
    if not difference <= _TOLERANCE * (scale + _TOLERANCE):
        raise ValueError(
            f"the compacted network's {what} differ by {difference:.2g} from the whole network's; "
            "choose compact=false"
        )


@torch.no_grad()
def _double(model: nn.Module) -> nn.Module:
    """A copy in float64 on the processor; kept weights that are zero are one, biases stay."""
    net = copy.deepcopy(model).cpu().double()
    masks = read_masks(net)
    for name, parameter in net.named_parameters():
        if not name.endswith("bias"):
            parameter[(parameter == 0) & masks.get(name, torch.ones(()).bool())] = 1
    return net


def _images(shape: Sequence[int]) -> Tensor:
    return torch.randn(IMAGES, *shape, dtype=torch.float64, generator=_generator())


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
