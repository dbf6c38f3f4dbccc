"""The neurons of a network as points: how each answers to the images of a batch.

R. Ballester et al., Decorrelating neurons using persistence, arXiv 2308.04870: the distance of two
neurons is 1 - |correlation of their activations over the batch|. As in the authors' code the batch
passes a second time, in evaluation mode, and a neuron that answers alike to all images has
correlation 0 with every other.

*Interpretation:* the neurons of a hidden layer are those of `goldpan.activations`, each number a
neuron. In an MLP these are the activations after the ReLU, as in the authors' code.
"""

import math

import torch
from torch import Tensor, nn

from goldpan.activations import hidden_activations
from goldpan.types import Batch

MOST = 10_000
"""Neurons in the matrix of correlations: 400 MB, and as much for each step of its gradient."""


def correlations(model: nn.Module, batch: Batch, share: float) -> Tensor:
    """|correlation| over the batch of each two sampled neurons: (n, n), float32.

    Sampled are all outputs, and of each hidden layer's n neurons the floor(share * n) with the
    highest mean |activation|.

    Raises:
        ValueError: if there are more than `MOST` neurons.
    """
    points = activations(model, batch[0], share)
    if points.shape[1] > MOST:
        raise ValueError(
            f"correlations are computed of at most {MOST} neurons, got {points.shape[1]}; choose a "
            "smaller method.penalty.share"
        )
    return correlate(points)


def activations(model: nn.Module, images: Tensor, share: float) -> Tensor:
    """The sampled neurons' activations for the N images, in evaluation mode: (N, n), float32."""
    received, outputs = hidden_activations(model, images)
    hidden = [tensor.flatten(1).float() for tensor in received.values()]
    return torch.cat([*(_strongest(part, share) for part in hidden), outputs.float()], dim=1)


def correlate(points: Tensor) -> Tensor:
    """|Pearson's correlation| of the columns of (N, n): (n, n); 0 for a column that is constant."""
    alive = (points != points[0]).any(0)
    centred = points - points.mean(0)
    # Constant columns are divided by 1, so that no gradient of theirs is infinite.
    unit = torch.where(alive, centred / torch.where(alive, centred.norm(dim=0), 1), 0)
    with torch.autocast(points.device.type, enabled=False):
        return (unit.T @ unit).abs()


def _strongest(part: Tensor, share: float) -> Tensor:
    """The columns of (N, n) with the highest mean absolute value, floor(share * n) of them."""
    count = math.floor(share * part.shape[1])
    return part[:, part.detach().abs().mean(0).topk(count).indices]
