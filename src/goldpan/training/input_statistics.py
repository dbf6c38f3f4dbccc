"""What comes into each layer: the error of each grid on it, and how much of each number matters."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from goldpan.gradients import mode, removing
from goldpan.layers.quantized import EXPONENTS, Grid, Values, quantizable
from goldpan.types import Batch

See = Callable[[str, Tensor], None]
"""Called with the name of a layer's weight and what comes into the layer."""


class InputStatistics:
    """Sums over the images that a layer has seen.

    `errors` (EXPONENTS,) of each grid; `saliency` the sum of |x|, of the shape of one image's
    input; `of_images`: the layer sees the images themselves, and not what another layer made.
    """

    def __init__(self) -> None:
        self.errors = torch.zeros(EXPONENTS, dtype=torch.float64)
        self.saliency: Tensor | None = None
        self.of_images = False

    def add(self, x: Tensor, name: str, grids: Sequence[Grid], mask: Tensor | None) -> None:
        """Count an input (N, ...): its error where `mask` keeps it, its size everywhere.

        Raises ValueError if it has another shape than those before.
        """
        size = x.abs().double().sum(0)
        if self.saliency is not None and self.saliency.shape != size.shape:
            raise ValueError(
                f"the layer of {name} takes inputs of one shape, to be quantised or pruned; got "
                f"{tuple(self.saliency.shape)} and {tuple(size.shape)}"
            )
        self.saliency = size if self.saliency is None else self.saliency + size
        kept = x if mask is None else x * mask
        if grids:
            self.errors += torch.stack([grid.error(kept) for grid in grids]).cpu()


@torch.no_grad()
def measure_inputs(
    net: nn.Module,
    batches: Sequence[Batch],
    values: Mapping[str, Values],
    grids: Sequence[Grid],
    *,
    prune_first: bool,
) -> dict[str, InputStatistics]:
    """The statistics of the input of each layer that can be quantised, by the name of its weight.

    The network runs in evaluation, with `values` as they are in use. If pruning is first, errors
    are those of what the masks keep, and saliency that of floats; else errors are those of
    everything, and saliency that of quantised numbers.
    """
    found = {name: InputStatistics() for name in quantizable(net)}
    like = next(net.parameters())
    for images, _ in batches:
        images = images.to(like)

        def see(name: str, x: Tensor, images: Tensor = images) -> None:
            used = values.get(name, Values())
            seen = x if prune_first or used.input is None else used.input(x)
            found[name].add(seen, name, grids, used.mask if prune_first else None)
            found[name].of_images |= _shares(x, images)

        hooks = [
            layer.register_forward_pre_hook(partial(_seen, see=see, name=name))
            for name, layer in quantizable(net).items()
        ]
        with removing(hooks), mode(net, training=False):
            net(images)
    return found


def _shares(x: Tensor, images: Tensor) -> bool:
    """Whether an input is the images, perhaps in another shape."""
    return x.untyped_storage().data_ptr() == images.untyped_storage().data_ptr()


def _seen(_: nn.Module, inputs: tuple[Tensor, ...], *, see: See, name: str) -> None:
    see(name, inputs[0])
