"""Count a network's parameters and FLOPs, and the weights that still join input and output."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from goldpan.gradients import mode
from goldpan.masks import LayerCollapse, Masks, masked_layers, read_masks
from goldpan.paths import UnknownPaths, path_gradients

CONVENTION = (
    "2 per multiply-add of convolutions, linear layers and the products of attention, one image, "
    "cut weights skipped"
)


@dataclass(frozen=True)
class Cost:
    """Parameters and FLOPs of one forward pass on one image, dense and with cut weights skipped."""

    parameters: int
    parameters_kept: int
    flops: int
    flops_kept: int


def cost(model: nn.Module, shape: Sequence[int]) -> Cost:
    """Count the model's parameters and its FLOPs on one image of shape (C, H, W).

    FLOPs are 2 per multiply-add of every convolution and matrix product, as torch's own
    FlopCounterMode counts them: each weight works once at each output position (groups and strides
    included, padding counted as work). A masked network runs dense all the same, so `flops_kept` is
    what hardware could save, not what it does.
    """
    layers = masked_layers(model).values()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    cut = [int((~layer.mask).sum()) for layer in layers]
    flops, works = _work(model, shape)
    idle = sum(
        work // layer.weight.numel() * out
        for layer, work, out in zip(layers, works, cut, strict=True)
    )
    return Cost(parameters, parameters - sum(cut), flops, flops - idle)


def size_in_bits(model: nn.Module, bits: Mapping[str, int]) -> int:
    """The bits of all parameters that are not cut: of each as named, 32 of all others.

    Where the kept weights are takes bits too, which are not counted.
    """
    masks = read_masks(model)
    return sum(
        bits.get(name, 32) * (int(masks[name].sum()) if name in masks else parameter.numel())
        for name, parameter in model.named_parameters()
    )


class _WorkOfWeights(TorchDispatchMode):
    """Splits what a FlopCounterMode around it counts by the weights that an operation reads.

    A weight is known by its storage, which its views share, such as the transpose that a linear
    layer multiplies by. So it counts wherever the forward pass uses it: in its layer, in another
    that is tied to it, or in a function such as F.linear.
    """

    def __init__(self, counter: FlopCounterMode, weights: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counter = counter
        self.works = {weight.untyped_storage()._cdata: 0 for weight in weights}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        before = self.counter.get_total_flops()
        result = func(*args, **(kwargs or {}))
        if done := self.counter.get_total_flops() - before:
            for argument in args:
                if isinstance(argument, Tensor):
                    storage = argument.untyped_storage()._cdata
                    if storage in self.works:
                        self.works[storage] += done
        return result


def _work(model: nn.Module, shape: Sequence[int]) -> tuple[int, list[int]]:
    """The FLOPs of one image, and those of the operations that read each masked layer's weight.

    The network runs on the meta device, which computes shapes and no numbers: in no time, and
    without the fused kernels of recurrent layers, which the counter does not know. A network that
    looks at its numbers, or mixes them with constants that it makes on a device, runs as it is.
    """
    # A copy that takes these in the place of its tensors: `to("meta")` would untie tied weights.
    tensors = [*model.parameters(), *model.buffers()]
    empty = {
        id(t): nn.Parameter(t.to("meta")) if isinstance(t, nn.Parameter) else t.to("meta")
        for t in tensors
    }
    try:
        return _count(copy.deepcopy(model, empty), shape)
    except Exception:  # of any kind, raised by the model's own code
        return _count(model, shape)


def _count(model: nn.Module, shape: Sequence[int]) -> tuple[int, list[int]]:
    """What `_work` returns, counted on the device where the model is."""
    weights = [layer.weight for layer in masked_layers(model).values()]
    counter = FlopCounterMode(display=False)
    by_weight = _WorkOfWeights(counter, weights)
    image = torch.zeros(1, *shape, device=next(model.parameters()).device)
    # torch 2.11 to 2.14: the counter knows neither the CPU's fused kernel of attention nor the one
    # that nn.MultiheadAttention takes in evaluation. Plain products, which it knows, stand in.
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            torch.no_grad(),
            mode(model, training=False),
            sdpa_kernel(SDPBackend.MATH),
            counter,
            by_weight,
        ):
            model(image)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    works = [by_weight.works[weight.untyped_storage()._cdata] for weight in weights]
    return counter.get_total_flops(), works


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
