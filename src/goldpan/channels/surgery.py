"""Networks that are smaller or plainer than the one they come from, and compute the same.

`shrink` removes channels, `mask_channels` silences them in a network that keeps its size, and
`plain` takes our own layer classes out. The law: in eval mode, the logits of `mask_channels` and
`shrink` are equal. `shrink` checks it on every network that it returns.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from goldpan.channels.finding import trace
from goldpan.channels.groups import ChannelGroup, Place
from goldpan.layers.bounded_norm import BoundedBatchNorm2d
from goldpan.layers.masked import MaskedConv2d, MaskedLinear

_TOLERANCE = 1e-6  # of logits in float64, where rounding leaves 1e-12


def shrink(model: nn.Module, kept: Mapping[str, Tensor], shape: Sequence[int]) -> nn.Module:
    """A new, smaller network without the channels that are not kept.

    `kept` maps a group's name, that of its first norm, to bools (size,), True where the channel
    stays; groups that it does not name stay whole. Masks of weights shrink with their weights.

    Raises:
        UnknownLayer: if no group bears a name in `kept`.
        TypeError: if what is kept is not told by bools.
        ValueError: if a tensor in `kept` has another shape than (size,) or keeps nothing; if the
            channels of a norm must stay; if the model cannot be traced; or if the small network
            computes something else than the large one with those channels silent.
    """
    groups = _chosen(model, kept, shape)
    small = copy.deepcopy(model)
    small.zero_grad(set_to_none=True)
    for name, (inputs, outputs) in _keeps(groups, kept).items():
        _cut(small.get_submodule(name), inputs, outputs)
    _require_same(_silence(model, groups, kept), small, shape)
    return small


def mask_channels(model: nn.Module, kept: Mapping[str, Tensor], shape: Sequence[int]) -> nn.Module:
    """A copy of the network in which the norms of channels that are not kept return exactly zero.

    Scale and bias are zeroed; a bounded norm, whose scale cannot be zero, becomes a plain one.
    Raises as `shrink`, of which this is the large twin.
    """
    return _silence(model, _chosen(model, kept, shape), kept)


@torch.no_grad()
def refill(
    model: nn.Module, small: nn.Module, kept: Mapping[str, Tensor], shape: Sequence[int]
) -> nn.Module:
    """A copy of the network with a shrunk one's weights and statistics where channels were kept.

    `small` is `shrink(model, kept, shape)`, trained since; what it lacks is left as it is, and so
    are the masks.
    """
    full = copy.deepcopy(model)
    keeps = _keeps(_chosen(model, kept, shape), kept)
    for name, layer in full.named_modules():
        trained = small.get_submodule(name)
        windows = _windows(layer, *keeps.get(name, (None, None)))
        for part, new in {**trained._parameters, **trained._buffers}.items():
            if new is not None and part != "mask":
                old = getattr(layer, part)
                old[windows.get(part, ...)] = new.to(old.device)
    return full


@torch.no_grad()
def plain(model: nn.Module) -> nn.Module:
    """A copy made of PyTorch's layers: masks gone, bounded norms turned into plain ones.

    Logits stay the same; cut weights are zero in the weight itself.
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


def _chosen(
    model: nn.Module, kept: Mapping[str, Tensor], shape: Sequence[int]
) -> dict[str, ChannelGroup]:
    """The groups that `kept` names, once it is known to fit them."""
    coupling = trace(model, shape)
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
    return groups


def _keeps(
    groups: Mapping[str, ChannelGroup], kept: Mapping[str, Tensor]
) -> dict[str, tuple[Tensor | None, Tensor | None]]:
    """Layer name -> the indices of its inputs and of its outputs that stay; None where all do."""
    keeps: dict[Place, Tensor] = {}
    for group in groups.values():
        for place in group.places:
            keep = group.spread(kept[group.name], place)
            keeps[place] = keeps.get(place, torch.ones_like(keep)) & keep
    names = dict.fromkeys(name for name, _ in keeps)
    return {name: (keeps.get((name, "in")), keeps.get((name, "out"))) for name in names}


def _cut(layer: nn.Module, inputs: Tensor | None, outputs: Tensor | None) -> None:
    """Slice a layer's tensors in place, and its sizes with them."""
    for name, window in _windows(layer, inputs, outputs).items():
        old = getattr(layer, name)
        new = old.detach()[window].clone()
        held = nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new
        setattr(layer, name, held)
    if isinstance(layer, nn.Conv2d):
        layer.out_channels = layer.weight.shape[0]
        if layer.groups > 1:
            layer.groups = layer.out_channels * layer.groups // len(cast(Tensor, outputs))
        layer.in_channels = layer.weight.shape[1] * layer.groups
    elif isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = layer.weight.shape
    elif isinstance(layer, _BatchNorm) and outputs is not None:
        layer.num_features = int(outputs.sum())


def _windows(
    layer: nn.Module, inputs: Tensor | None, outputs: Tensor | None
) -> dict[str, tuple[Tensor, ...]]:
    """Tensor name -> indices, as `tensor[window]` takes them, of the part that stays."""
    windows: dict[str, tuple[Tensor, ...]] = {}
    for name in ("weight", "bias", "mask", "running_mean", "running_var"):
        tensor = getattr(layer, name, None)
        if tensor is None:
            continue
        rows = _indices(outputs, tensor.shape[0], tensor.device)
        windows[name] = (rows,)
        grouped = isinstance(layer, nn.Conv2d) and layer.groups > 1
        if tensor.dim() > 1 and not grouped:  # a grouped convolution's weight has a group's inputs
            windows[name] = (rows[:, None], _indices(inputs, tensor.shape[1], tensor.device))
    return windows


def _indices(keep: Tensor | None, size: int, device: torch.device) -> Tensor:
    kept = torch.ones(size, dtype=torch.bool) if keep is None else keep
    return kept.nonzero().flatten().to(device)


@torch.no_grad()
def _silence(
    model: nn.Module, groups: Mapping[str, ChannelGroup], kept: Mapping[str, Tensor]
) -> nn.Module:
    copied = copy.deepcopy(model)
    for name, (_, outputs) in _keeps(groups, kept).items():
        norm = copied.get_submodule(name)
        if isinstance(norm, _BatchNorm) and outputs is not None:
            if isinstance(norm, BoundedBatchNorm2d):
                norm = norm.to_plain()
                copied.set_submodule(name, norm)
            _silence_norm(norm, ~outputs)
    return copied


def _silence_norm(norm: _BatchNorm, silent: Tensor) -> None:
    """Zero the scale and the bias of some channels, after giving the norm both."""
    like = torch.zeros(()) if norm.running_mean is None else norm.running_mean
    for name, neutral in (("weight", 1.0), ("bias", 0.0)):
        if getattr(norm, name) is None:
            setattr(norm, name, nn.Parameter(like.new_full((norm.num_features,), neutral)))
        getattr(norm, name)[silent.to(like.device)] = 0
    norm.affine = True


@torch.no_grad()
def _require_same(large: nn.Module, small: nn.Module, shape: Sequence[int]) -> None:
    """Compare logits in float64 on the CPU, where only a wrong cut makes a difference."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
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
