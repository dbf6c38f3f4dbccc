"""Random scores: the control that every method must beat, at the same layer densities or not."""

from collections.abc import Sequence

import torch
from torch import nn

from goldpan.masks import masked_layers
from goldpan.stream import stream
from goldpan.types import Batch, Loss, Scores


def random(model: nn.Module, batches: Sequence[Batch], loss: Loss, *, seed: int = 0) -> Scores:
    """Independent uniform scores in [0, 1), the same for the same seed."""
    return {
        name: torch.rand(layer.weight.shape, generator=stream(seed, "random", name)).to(
            layer.weight.device
        )
        for name, layer in masked_layers(model).items()
    }
