"""The layers that can shrink: how they count their channels, and how they take other sizes.

They are Conv2d, Linear and BatchNorm, and classes made from them that hold no other tensors. A new
kind needs a line in `KINDS`; its tensors have the shape (outputs, inputs, ...) or (outputs,).
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class Counts(NamedTuple):
    """The attributes in which a kind of layer counts its inputs, its outputs and its groups."""

    inputs: str
    outputs: str
    groups: str | None = None


KINDS: dict[type[nn.Module], Counts] = {
    nn.Conv2d: Counts("in_channels", "out_channels", "groups"),
    nn.Linear: Counts("in_features", "out_features"),
    _BatchNorm: Counts("num_features", "num_features"),
}
CUT = ("weight", "bias", "mask", "running_mean", "running_var")
"""The tensors that shrink with a layer; any other would have to be cut in its own way."""


def counts_of(layer: nn.Module) -> Counts:
    """The attributes in which a layer counts its channels.

    Raises:
        TypeError: if the layer is of no kind that can shrink.
    """
    for kind, counts in KINDS.items():
        if isinstance(layer, kind):
            return counts
    kinds = ", ".join(kind.__name__ for kind in KINDS)
    raise TypeError(f"only {kinds} can shrink, got {type(layer).__name__}")


def sizes(layer: nn.Module) -> dict[str, int]:
    """Attribute -> number, such as in_channels, out_channels, groups; {} of a kind that stays."""
    counts = counts_of(layer) if isinstance(layer, tuple(KINDS)) else ()
    return {name: getattr(layer, name) for name in counts if name is not None}


def inputs_of(layer: nn.Module) -> int | None:
    """The number of a layer's inputs; None if it cannot shrink, for its kind or its tensors.

    A layer stays if it holds a tensor that no line here cuts, or computes its weight from others.
    """
    held = {*layer._parameters, *layer._buffers}
    if not sizes(layer) or "weight" not in held or not held <= {*CUT, "num_batches_tracked"}:
        return None
    return int(getattr(layer, counts_of(layer).inputs))


def cut(layer: nn.Module, inputs: Tensor | None, outputs: Tensor | None) -> None:
    """Remove inputs and outputs of a layer in place: bools, False where removed; None keeps all."""
    counts, wanted = counts_of(layer), sizes(layer)
    if inputs is not None:
        wanted[counts.inputs] = int(inputs.sum())
    if outputs is not None:
        wanted[counts.outputs] = int(outputs.sum())
        if counts.groups is not None and wanted[counts.groups] > 1:
            # Groups go whole, so as many of them stay as of the outputs. An ungrouped layer is one
            # group, of which a part may go.
            groups = wanted[counts.groups] * wanted[counts.outputs]
            wanted[counts.groups] = groups // len(outputs)
    parts = windows(layer, inputs, outputs)
    tensors = {name: getattr(layer, name).detach()[part].clone() for name, part in parts.items()}
    _resize(layer, wanted, tensors)


def clear(layer: nn.Module, wanted: Mapping[str, int]) -> None:
    """Give a layer other sizes in place: its tensors hold zeros, and its mask keeps all."""
    counts = counts_of(layer)
    groups = 1 if counts.groups is None else wanted[counts.groups]
    shape = (wanted[counts.outputs], wanted[counts.inputs] // groups)
    tensors = {}
    for name in CUT:
        if (old := getattr(layer, name, None)) is not None:
            size = (*shape, *old.shape[2:])[: old.dim()]
            tensors[name] = torch.full(size, name == "mask", dtype=old.dtype, device=old.device)
    _resize(layer, wanted, tensors)


def windows(
    layer: nn.Module, inputs: Tensor | None, outputs: Tensor | None
) -> dict[str, tuple[Tensor, ...]]:
    """Tensor name -> the part that stays, as `tensor[part]` takes it; arguments are those of `cut`.

    The weight of a grouped convolution is (C_out, C_in / groups, K, K): its columns are the inputs
    of one group. Since groups go whole, its rows are cut and its columns stay.
    """
    parts: dict[str, tuple[Tensor, ...]] = {}
    for name in CUT:
        if (tensor := getattr(layer, name, None)) is not None:
            rows = _indices(outputs, tensor.shape[0], tensor.device)
            parts[name] = (rows,)
            if tensor.dim() > 1 and getattr(layer, "groups", 1) == 1:
                parts[name] = (rows[:, None], _indices(inputs, tensor.shape[1], tensor.device))
    return parts


def _indices(keep: Tensor | None, size: int, device: torch.device) -> Tensor:
    kept = torch.ones(size, dtype=torch.bool) if keep is None else keep
    return kept.nonzero().flatten().to(device)


def _resize(layer: nn.Module, wanted: Mapping[str, int], tensors: Mapping[str, Tensor]) -> None:
    """Set what a layer counts, and put tensors of those sizes in the place of its own."""
    for name, number in wanted.items():
        setattr(layer, name, number)
    for name, new in tensors.items():
        old = getattr(layer, name)
        held = nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new
        setattr(layer, name, held)
