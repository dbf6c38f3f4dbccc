"""Which weights of a network are kept: read from its masked layers, written to them."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Size, Tensor, nn
from torch.optim import Optimizer

from goldpan.layers.masked import MaskedLayer


class UnknownLayer(KeyError):
    """Masks name a weight that the model does not have, or lack one that it has."""

    def __str__(self) -> str:
        return str(self.args[0])


class LayerCollapse(RuntimeError):
    """No path of kept weights is left from the input to the output: a result, not a failure."""


OF_NUMPY = (torch.float32, torch.float64)
"""Types of numbers that numpy multiplies quickly."""


@dataclass(frozen=True)
class Masks(Mapping[str, Tensor]):
    """The masks of a network: weight name -> bools of the weight's shape, True where kept.

    Raises:
        TypeError: if a mask is not a bool tensor.
    """

    tensors: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        for name, mask in self.tensors.items():
            if mask.dtype != torch.bool:
                raise TypeError(f"the mask of {name} must be bool, got {mask.dtype}")
        object.__setattr__(self, "tensors", dict(self.tensors))

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    @property
    def total(self) -> int:
        """The number of prunable weights."""
        return sum(mask.numel() for mask in self.tensors.values())

    @property
    def kept(self) -> int:
        """The number of weights that are kept."""
        return sum(int(mask.count_nonzero()) for mask in self.tensors.values())

    @property
    def sparsity(self) -> float:
        """The fraction of prunable weights that are cut, in [0, 1]."""
        return 1 - self.kept / self.total

    def layers(self) -> dict[str, float]:
        """The sparsity of each weight, by name."""
        return {name: 1 - int(mask.count_nonzero()) / mask.numel() for name, mask in self.items()}


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Hash named tensors, such as masks or a state dict, with sha256."""
    total = hashlib.sha256()
    for name, tensor in tensors.items():
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def masked_layers(model: nn.Module) -> dict[str, MaskedLayer]:
    """The prunable layers by the name of their weight, in the model's order, each once.

    Raises:
        ValueError: if the model has none.
    """
    layers = {
        f"{name}.weight".lstrip("."): module
        for name, module in model.named_modules()
        if isinstance(module, MaskedLayer)
    }
    if not layers:
        raise ValueError("the model has no masked layer to prune; swap_layers(model) makes them")
    return layers


def read_masks(model: nn.Module) -> Masks:
    """The masks that the model carries, as copies."""
    return Masks({name: layer.mask.clone() for name, layer in masked_layers(model).items()})


@torch.no_grad()
def set_masks(model: nn.Module, masks: Masks) -> None:
    """Set the model's masks and leave its weights as they are.

    Raises:
        UnknownLayer: if the masks are not for exactly the model's masked layers.
        ValueError: if a mask has another shape than its weight.
    """
    layers = masked_layers(model)
    if odd := layers.keys() ^ masks.keys():
        raise UnknownLayer(f"model and masks must name the same weights; only one has {min(odd)}")
    for name, layer in layers.items():
        if layer.mask.shape != masks[name].shape:
            expected, got = tuple(layer.mask.shape), tuple(masks[name].shape)
            raise ValueError(f"the mask of {name} must have shape {expected}, got {got}")
        layer.mask.copy_(masks[name])


@torch.no_grad()
def write_masks(model: nn.Module, masks: Masks) -> None:
    """Set the model's masks and zero every weight that they cut; raises as `set_masks`."""
    set_masks(model, masks)
    for layer in masked_layers(model).values():
        layer.weight.masked_fill_(~layer.mask, 0)


@torch.no_grad()
def mask_gradients(layers: Iterable[MaskedLayer]) -> None:
    """Zero the gradients of cut weights, before an optimizer step, so that it leaves them zero."""
    pairs = [(layer.weight.grad, layer.mask) for layer in layers if layer.weight.grad is not None]
    _multiply([gradient for gradient, _ in pairs], [mask for _, mask in pairs])


@torch.no_grad()
def mask_weights(layers: Iterable[MaskedLayer]) -> None:
    """Zero the cut weights, after a step that has moved them."""
    pairs = [(layer.weight.detach(), layer.mask) for layer in layers]
    _multiply([weight for weight, _ in pairs], [mask for _, mask in pairs])


def _multiply(tensors: list[Tensor], masks: list[Tensor]) -> None:
    """Multiply tensors by masks, in place."""
    if any(one.device.type != "cpu" or one.dtype not in OF_NUMPY for one in tensors):
        torch._foreach_mul_(tensors, masks)
        return
    # torch 2.15 multiplies by bools at a sixth of the speed of numbers, numpy as fast; bits agree.
    for tensor, mask in zip(tensors, masks, strict=True):
        array = tensor.numpy()
        np.multiply(array, mask.numpy(), out=array)


@torch.no_grad()
def mask_optimizer(layers: Iterable[MaskedLayer], optimizer: Optimizer) -> None:
    """Zero what the optimizer remembers of cut weights; needed once whenever masks have changed.

    Without it momentum moves a weight that was cut in mid-training away from zero.
    """
    for layer in layers:
        for memory in memory_of(optimizer, layer.weight).values():
            memory.mul_(layer.mask)


def memory_of(optimizer: Optimizer, weight: Tensor, shape: Size | None = None) -> dict[str, Tensor]:
    """What an optimizer remembers of each number of a weight, by name, such as its momentum.

    Args:
        shape: of these tensors, if it is not the weight's.
    """
    return {
        name: memory
        for name, memory in optimizer.state.get(weight, {}).items()
        if isinstance(memory, Tensor) and memory.shape == (weight.shape if shape is None else shape)
    }


def revived(layers: Iterable[MaskedLayer]) -> float:
    """The largest |w| of the cut weights: 0 as long as none has come back."""
    cut = [layer.weight.detach()[~layer.mask] for layer in layers]
    return max((float(values.abs().max()) for values in cut if values.numel()), default=0.0)
