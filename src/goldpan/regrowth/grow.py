"""Scores by which empty places are filled: the highest grow."""

import torch
from torch import Tensor

from goldpan.regrowth.update import LayerState
from goldpan.stream import stream


def random(layer: LayerState, *, seed: int) -> Tensor:
    """Uniform in [0, 1), drawn from seed, step and layer: SET, arXiv 1707.04780, algorithm 1."""
    generator = stream(seed, "grow", layer.step, layer.name)
    return torch.rand(layer.weight.shape, generator=generator).to(layer.weight.device)


def gradient(layer: LayerState) -> Tensor:
    """|dL/dw| of the batch, as if no weight were cut: RigL, arXiv 1911.11134, section 3(4)."""
    if layer.gradient is None:
        raise ValueError(f"{layer.name} has no gradient: the loss does not depend on it")
    return layer.gradient.abs()


def momentum(layer: LayerState) -> Tensor:
    """|momentum| of the gradients as if no weight were cut: SNFS, arXiv 1907.04840, section 3.

    Raises:
        ValueError: if the optimizer has no momentum.
    """
    if layer.momentum is None:
        raise ValueError(
            "this method grows weights by the optimizer's momentum, and the optimizer has none; "
            "set recipe.optimizer.momentum=0.9"
        )
    return layer.momentum.abs()
