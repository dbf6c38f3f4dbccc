"""Remove channels from a network, put them back, or replace goldpan's own layer classes.

`shrink` removes channels, and `silence` makes them zero in a network that keeps its size. The law:
in eval mode both have the same logits. `shrink` checks it on every network that it returns.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from goldpan.channels.finding import couple
from goldpan.channels.groups import ChannelGroup, Place
from goldpan.channels.hidden import silence_units
from goldpan.channels.shrinkable import cut, windows
from goldpan.layers.bounded_norm import BoundedBatchNorm2d
from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.stream import stream

_TOLERANCE = 1e-6  # of logits in float64, where rounding leaves 1e-12


def shrink(model: nn.Module, kept: Mapping[str, Tensor], shape: Sequence[int]) -> nn.Module:
    """Copy a network without the channels that are not kept.

    `kept` maps a group's name, that of its first norm, to bools (size,), True where the channel
    stays; groups that it does not name stay whole. Masks of weights shrink with their weights.

    Raises:
        UnknownLayer: if no group bears a name in `kept`.
        TypeError: if what is kept is not told by bools.
        ValueError: if a tensor in `kept` has another shape than (size,) or keeps nothing; if the
            channels of a norm must stay; if the model cannot be traced; or if the small network
            computes something else than the large one with those channels silent.
    """
    groups = _named_groups(model, kept, shape)
    small = shrink_unproved(model, groups, kept)
    _require_same_logits(silence(model, groups, kept), small, shape)
    return small


def shrink_unproved(
    model: nn.Module, groups: Iterable[ChannelGroup], kept: Mapping[str, Tensor]
) -> nn.Module:
    """Copy a network as `shrink` does, of known groups and without its proof: to count sizes."""
    small = copy.deepcopy(model)
    small.zero_grad(set_to_none=True)
    for name, (inputs, outputs) in _layers_kept(groups, kept).items():
        cut(small.get_submodule(name), inputs, outputs)
    return small


@torch.no_grad()
def refill(
    model: nn.Module, small: nn.Module, kept: Mapping[str, Tensor], shape: Sequence[int]
) -> nn.Module:
    """Copy a network, with the weights and statistics of a shrunk one where channels were kept.

    `small` is `shrink(model, kept, shape)`, trained since. Where channels were removed the copy is
    as `model`, and so are its masks.
    """
    full = copy.deepcopy(model)
    stays = _layers_kept(_named_groups(model, kept, shape), kept)
    for name, layer in full.named_modules():
        trained = small.get_submodule(name)
        parts = windows(layer, *stays.get(name, (None, None)))
        for tensor, new in {**trained._parameters, **trained._buffers}.items():
            if new is not None and tensor != "mask":
                old = getattr(layer, tensor)
                old[parts.get(tensor, ...)] = new.to(old.device)
    return full


@torch.no_grad()
def plain(model: nn.Module) -> nn.Module:
    """Copy a network with PyTorch's own layers: without masks, and with plain norms.

    Logits stay the same, since cut weights are zero in the weight itself.
    """
    copied = copy.deepcopy(model)
    for name, layer in list(copied.named_modules(remove_duplicate=False)):
        if isinstance(layer, MaskedConv2d | MaskedLinear):
            del layer.mask
            kind = nn.Conv2d if isinstance(layer, nn.Conv2d) else nn.Linear
            layer.__class__ = kind  # type: ignore[assignment]
        elif isinstance(layer, BoundedBatchNorm2d):
            copied.set_submodule(name, layer.to_plain())
    return copied


@torch.no_grad()
def silence(
    model: nn.Module, groups: Sequence[ChannelGroup], kept: Mapping[str, Tensor]
) -> nn.Module:
    """Copy a network in which the norms of channels that are not kept return zero.

    Their scale and bias are zero; a bounded norm, whose scale cannot be, becomes a plain one. Of
    hidden units, which have no norm, the linear layer returns zero.
    """
    copied = copy.deepcopy(model)
    units = {name for group in groups if not group.norms for name in group.producers}
    for name, (_, outputs) in _layers_kept(groups, kept).items():
        norm = copied.get_submodule(name)
        if isinstance(norm, _BatchNorm) and outputs is not None:
            if isinstance(norm, BoundedBatchNorm2d):
                norm = norm.to_plain()
                copied.set_submodule(name, norm)
            _silence_norm(norm, ~outputs)
        elif isinstance(norm, nn.Linear) and outputs is not None and name in units:
            silence_units(norm, ~outputs)
    return copied


def _silence_norm(norm: _BatchNorm, silent: Tensor) -> None:
    """Zero the scale and the bias of some channels, after giving the norm both."""
    like = torch.zeros(()) if norm.running_mean is None else norm.running_mean
    for name, neutral in (("weight", 1.0), ("bias", 0.0)):
        if getattr(norm, name) is None:
            setattr(norm, name, nn.Parameter(like.new_full((norm.num_features,), neutral)))
        getattr(norm, name)[silent.to(like.device)] = 0
    norm.affine = True


def _named_groups(
    model: nn.Module, kept: Mapping[str, Tensor], shape: Sequence[int]
) -> list[ChannelGroup]:
    """The groups that `kept` names, once it is known to fit them."""
    coupling = couple(model, shape)
    groups = {group.name: group for group in coupling.groups if group.name in kept}
    for name, keep in kept.items():
        if name not in groups:
            raise coupling.refusal(name)
        if keep.dtype != torch.bool:
            raise TypeError(f"what is kept of {name} must be bool, got {keep.dtype}")
        if keep.shape != (groups[name].size,):
            expected, got = (groups[name].size,), tuple(keep.shape)
            raise ValueError(f"what is kept of {name} must have shape {expected}, got {got}")
        if not keep.any():
            raise ValueError(f"{name} would lose all its {groups[name].size} channels; keep one")
    return list(groups.values())


def _layers_kept(
    groups: Iterable[ChannelGroup], kept: Mapping[str, Tensor]
) -> dict[str, tuple[Tensor | None, Tensor | None]]:
    """Layer name -> bools of its inputs and of its outputs, True where kept; None keeps them all.

    Several groups may meet in a layer, behind a concatenation; each decides on its own channels.
    """
    stays: dict[Place, Tensor] = {}
    for group in (group for group in groups if group.name in kept):
        for place in group.places:
            keep = group.spread(kept[group.name].cpu(), place)
            stays[place] = stays.get(place, torch.ones_like(keep)) & keep
    names = dict.fromkeys(name for name, _ in stays)
    return {name: (stays.get((name, "in")), stays.get((name, "out"))) for name in names}


@torch.no_grad()
def _require_same_logits(large: nn.Module, small: nn.Module, shape: Sequence[int]) -> None:
    """Compare logits in float64 on the CPU, where only a wrong cut makes a difference."""
    images = torch.randn(2, *shape, generator=stream("surgery"), dtype=torch.float64)
    expected = plain(large).cpu().double().eval()(images)
    try:
        got = plain(small).cpu().double().eval()(images)
    except RuntimeError as error:
        raise ValueError(f"the shrunk network does not run: {error}") from error
    scale = float(expected.nan_to_num().abs().max())
    if not torch.allclose(got, expected, _TOLERANCE, _TOLERANCE * scale, equal_nan=True):
        difference = float((got - expected).abs().max())
        raise ValueError(
            f"the shrunk network's logits differ by {difference:.2g} from those of the large one "
            "with the same channels silent: some operation between them cannot be followed"
        )
