"""What a user's network is, before any of the work on it."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goldpan.layers.masked import MaskedLayer
from goldpan.layers.swap import is_plain, swap_layers


def unwrap(model: nn.Module) -> nn.Module:
    """The network itself, inside what torch.compile or DistributedDataParallel put around it.

    Raises:
        TypeError: if it is no network.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a torch.nn.Module; got a {type(model).__name__}")
    if isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):  # of torch.compile
        return unwrap(inner)
    if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
        return unwrap(model.module)
    return model


def require_prunable(net: nn.Module) -> None:
    """Raise ValueError if the network has no weight that a mask can cut."""
    if prunable(net):
        return
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear, nn.MultiheadAttention)
    odd = [(name, layer) for name, layer in net.named_modules() if isinstance(layer, kinds)][:1]
    why = [f"; masks cannot reach {name}, a {type(layer).__name__}" for name, layer in odd]
    raise ValueError("".join([f"{type(net).__name__} has no Conv2d or Linear to prune", *why]))


def require_masked(net: nn.Module) -> None:
    """Raise ValueError if no layer of the network carries a mask."""
    if not any(isinstance(layer, MaskedLayer) for layer in net.modules()):
        raise ValueError(
            f"{type(net).__name__} has no masks; gp.prune or gp.write_masks makes them"
        )


def prunable(net: nn.Module) -> list[Tensor]:
    """The weights that masks cut or could cut: of plain and of masked layers, each once."""
    layers = [layer for layer in net.modules() if isinstance(layer, MaskedLayer) or is_plain(layer)]
    return list({id(layer.weight): layer.weight for layer in layers}.values())  # ties count once


@torch.no_grad()
def masked_copy(net: nn.Module) -> nn.Module:
    """A copy with masks; where a plain network has zeros, as `plain` leaves them, it is cut."""
    copied = copy.deepcopy(net)
    bare = [layer for layer in copied.modules() if not isinstance(layer, MaskedLayer)]
    swap_layers(copied)
    for layer in bare:
        if isinstance(layer, MaskedLayer):
            layer.mask.copy_(layer.weight != 0)
    return copied


def shape_of(example: Tensor) -> Sequence[int]:
    """The shape of one image, of a batch of them.

    Raises:
        TypeError: if the example is no batch of images.
    """
    if not isinstance(example, Tensor) or example.dim() < 2:
        got = f"{tuple(example.shape)}" if isinstance(example, Tensor) else type(example).__name__
        raise TypeError(f"example is a batch of images, (N, C, H, W) or (N, features); got {got}")
    return tuple(example.shape[1:])
