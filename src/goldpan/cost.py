"""Count a network's parameters and FLOPs, and the weights that still join input and output."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from goldpan.gradients import mode
from goldpan.layers.masked import MaskedLayer
from goldpan.masks import LayerCollapse, Masks, masked_layers, read_masks
from goldpan.paths import UnknownPaths, path_gradients

CONVENTION = "2 per multiply-add of convolution and linear layers, one image, cut weights skipped"


@dataclass(frozen=True)
class Cost:
    """Parameters and FLOPs of one forward pass on one image, dense and with cut weights skipped."""

    parameters: int
    parameters_kept: int
    flops: int
    flops_kept: int


def cost(model: nn.Module, shape: Sequence[int]) -> Cost:
    """Count the model's parameters and its FLOPs on one image of shape (C, H, W).

    FLOPs are 2 per multiply-add of every Conv2d and Linear: each weight works once at each output
    position (groups and strides included, padding counted as work). A masked network runs dense
    all the same, so `flops_kept` is what hardware could save, not what it does.
    """
    parameters = sum(parameter.numel() for parameter in model.parameters())
    cut = sum(int((~layer.mask).sum()) for layer in masked_layers(model).values())
    flops = flops_kept = 0
    for layer, positions in _positions(model, shape):
        flops += 2 * positions * layer.weight.numel()
        kept = int(layer.mask.sum()) if isinstance(layer, MaskedLayer) else layer.weight.numel()
        flops_kept += 2 * positions * kept
    return Cost(parameters, parameters - cut, flops, flops_kept)


def _positions(model: nn.Module, shape: Sequence[int]) -> list[tuple[nn.Conv2d | nn.Linear, int]]:
    """Each convolution and linear layer with the number of positions where its weight is used."""
    found: list[tuple[nn.Conv2d | nn.Linear, int]] = []

    def keep_positions(layer: nn.Module, _: object, output: Tensor) -> None:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            channels = layer.out_channels if isinstance(layer, nn.Conv2d) else layer.out_features
            found.append((layer, output.numel() // channels))

    hooks = [
        module.register_forward_hook(keep_positions)
        for module in model.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    device = next(model.parameters()).device
    try:
        with torch.no_grad(), mode(model, training=False):
            model(torch.zeros(1, *shape, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def live_paths(model: nn.Module, shape: Sequence[int]) -> Masks | None:
    """The kept weights that lie on a path of kept weights from the input to the output.

    The other kept weights are dead: Vysogorets and Kempe, Connectivity Matters, JMLR 2023, arXiv
    2107.02306. A tap that only ever meets padding is dead as well. Kept weights that evaluation
    does not use, such as an auxiliary head's, count as alive as long as any path is left. It is
    None if the paths through the network are not known.
    """
    # Each weight is mask / (inputs that its filter keeps), so that an activation is an average and
    # neither overflows nor underflows.
    masks = read_masks(model)
    try:
        flow, found = path_gradients(
            model, {name: _averaging(mask) for name, mask in masks.items()}, shape
        )
    except UnknownPaths:
        return None
    if flow == 0:
        return Masks({name: torch.zeros_like(mask) for name, mask in masks.items()})
    alive = {
        name: mask if found[name] is None else found[name] != 0 for name, mask in masks.items()
    }
    return Masks({name: alive[name] & mask for name, mask in masks.items()})


def _averaging(mask: Tensor) -> Tensor:
    kept = mask.flatten(1).sum(1).clamp(min=1)
    return mask.double() / kept.view(-1, *[1] * (mask.dim() - 1))


def effective_sparsity(model: nn.Module, shape: Sequence[int]) -> float:
    """The fraction of prunable weights that are cut or dead, in [0, 1].

    Raises:
        ValueError: if the paths through the network are not known.
    """
    if (live := live_paths(model, shape)) is None:
        raise ValueError(
            f"this method needs the effective sparsity, which is not known for the operations of "
            f"{type(model).__name__}; choose another method or model"
        )
    return live.sparsity


def check_connected(model: nn.Module, shape: Sequence[int]) -> None:
    """Make sure that the output still depends on the input, as far as that is known.

    Raises:
        LayerCollapse: if no kept weight lies on a path from the input to the output.
    """
    live = live_paths(model, shape)
    if live is not None and live.kept == 0:
        emptied = [name for name, sparsity in read_masks(model).layers().items() if sparsity == 1]
        where = f"; emptied: {', '.join(emptied)}" if emptied else ""
        raise LayerCollapse(f"no path of kept weights leads from the input to the output{where}")
