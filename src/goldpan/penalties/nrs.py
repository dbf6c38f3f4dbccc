"""NRSLoss, which makes ReLUs stable: Z. Li et al., Can Pruning Improve Certified Robustness of
Neural Networks?, TMLR 2023, arXiv 2206.07311.

A ReLU whose input keeps its sign in a box of images is linear there, and cheap to verify. With the
input's bounds l <= u, l u is above 0 where the sign is kept. As in the authors' code the loss is
the mean of -tanh(1 + l u / gamma^2) over all inputs of ReLUs and all images of the batch, bounds
are those of `goldpan.bounds`, norms go by their running statistics, and gamma is the scale of a
BatchNorm just before the ReLU, through which as a divisor no gradient passes; without one it is 1.

Differs from the authors' code: epsilon is the same in all epochs, theirs rises from epoch 11 to 92;
the norm's own eps counts, theirs is 1e-8; images are as they are, theirs are FGSM's for the loss.
Theirs has no max-pooling.

*Interpretation:* epsilon of MNIST, which the authors do not train on.
"""

import torch
from torch import Tensor, nn

from goldpan.bounds import Statistics, flat_layers, pixel_box, relu_inputs
from goldpan.layers.bounded_norm import importance
from goldpan.types import Batch

LEAST = 1e-20
"""Added to gamma^2."""


def nrs(
    model: nn.Module, batch: Batch, *, strength: float, epsilon: float, statistics: Statistics
) -> Tensor:
    """strength * the mean of -tanh(1 + l u / gamma^2), from -strength (all stable) up.

    Args:
        epsilon: how far each pixel may move, pixels being in [0, 1].
        statistics: of the images' normalisation.

    Raises:
        ValueError: as `flat_layers`, or if the network has no ReLU.
    """
    layers = flat_layers(model)
    if not any(isinstance(layer, nn.ReLU) for layer in layers):
        raise ValueError(
            f"nrs looks at the inputs of ReLUs, and {type(model).__name__} has none; choose a "
            "model with some, such as mlp"
        )
    # Under autocast bounds would have the 8 bits of bf16, and differences be rounded away.
    with torch.autocast(batch[0].device.type, enabled=False):
        box = pixel_box(batch[0], epsilon, statistics)
        terms = [
            instability(lower * upper, before).flatten()
            for (lower, upper), before in relu_inputs(layers, box)
        ]
        return strength * torch.cat(terms).mean()


def instability(product: Tensor, before: nn.Module | None = None) -> Tensor:
    """-tanh(1 + product / gamma^2), of l u and with the gamma of the layer before the ReLU."""
    if isinstance(before, nn.BatchNorm2d):
        gamma = importance(before).detach().view(1, -1, 1, 1)
        product = product / (gamma.square() + LEAST)
    return -torch.tanh(1 + product)
