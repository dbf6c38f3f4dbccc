"""Interval bounds: between what values a network's units lie, whatever the pixels do in a box.

S. Gowal et al., On the effectiveness of interval bound propagation for training verifiably robust
models, arXiv 1810.12715: a layer that is linear takes centre and radius, r' = |W| r; one that is
monotone takes both ends. The box is what Z. Li et al., arXiv 2206.07311, have in their code: the
L-infinity ball around an image, of which only pixels in [0, 1] count.

The bounds hold for every image of the box, but for the rounding of floats. They are those of one
layer, attained; through several layers they are loose, as correlations between units are lost.
"""

from collections.abc import Iterator, Sequence
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.layers.bounded_norm import BoundedBatchNorm2d
from goldpan.layers.dropout import ClassicDropout, ScaledAtTest, StraightThroughDropout
from goldpan.layers.masked import MaskedBias
from goldpan.layers.sparse_linear import SparseLinear
from goldpan.layers.swap import is_plain

Box = tuple[Tensor, Tensor]
"""The lower and the upper end of each unit, both (N, ...)."""

Statistics = tuple[Sequence[float], Sequence[float]]
"""Mean and deviation of each channel, by which pixels in [0, 1] were normalised."""

MONOTONE = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Flatten, nn.Identity, MaskedBias)
DROPOUTS = (nn.Dropout, StraightThroughDropout, ClassicDropout, ScaledAtTest)
NORMS = (nn.BatchNorm2d, BoundedBatchNorm2d)
"""Layers with bounds, by their exact class, beside linear layers, convolutions and ReLUs."""


def pixel_box(images: Tensor, epsilon: float, statistics: Statistics) -> Box:
    """All images whose pixels differ by at most epsilon and lie in [0, 1], as their two corners.

    `images` (N, C, H, W) are normalised, and so is the box; epsilon is in pixels of [0, 1].
    """
    mean, deviation = (images.new_tensor([*part])[:, None, None] for part in statistics)
    radius, black, white = epsilon / deviation, -mean / deviation, (1 - mean) / deviation
    # An image is in its own box, though rounding may have put its pixels outside of [0, 1].
    lower, upper = (images - radius).maximum(black), (images + radius).minimum(white)
    return lower.minimum(images), upper.maximum(images)


def flat_layers(model: nn.Module) -> list[nn.Module]:
    """The layers of a network that is a sequence of them, in order.

    Raises:
        ValueError: if it is no sequence, or has a layer that no bounds are known of.
    """
    if isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward:
        return [layer for part in model for layer in flat_layers(part)]
    if not _is_known(model):
        raise ValueError(
            "interval bounds are of networks in sequence, of linear layers, convolutions, ReLUs, "
            f"BatchNorm2d, pooling and dropout; got {type(model).__name__}; choose a model such as "
            "mlp, lenet_300_100, lenet5 or vgg11"
        )
    return [model]


def pass_box(layer: nn.Module, box: Box) -> Box:
    """Between what values a layer's outputs lie in evaluation, as its inputs lie in the box."""
    lower, upper = box
    if isinstance(layer, nn.ReLU):
        return lower.relu(), upper.relu()  # never in place: the bounds before it may be needed
    if isinstance(layer, nn.Dropout):
        scale = 1 - layer.p if isinstance(layer, ClassicDropout | ScaledAtTest) else 1
        return lower * scale, upper * scale
    if isinstance(layer, MONOTONE):
        return layer(lower), layer(upper)
    centre, radius = (upper + lower) / 2, (upper - lower) / 2
    middle, spread = _linear(layer, centre, radius)
    return middle - spread, middle + spread


def bound(layers: Sequence[nn.Module], box: Box) -> Box:
    """Between what values the outputs of these layers lie, one after the other."""
    return reduce(lambda inside, layer: pass_box(layer, inside), layers, box)


def relu_inputs(layers: Sequence[nn.Module], box: Box) -> Iterator[tuple[Box, nn.Module | None]]:
    """Between what values the inputs of each ReLU lie, and the layer that they come from."""
    before: nn.Module | None = None
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            yield box, before
        box, before = pass_box(layer, box), layer


def worst_margins(model: nn.Module, box: Box, labels: Tensor) -> Tensor:
    """By how much the logit of the label exceeds every other, at least, in each box: (N,).

    What is bounded is each difference of two logits, and so a linear layer at the end is exact.
    """
    *body, last = flat_layers(model)
    inside = bound(body, box)
    if not isinstance(last, nn.Linear):
        lower, upper = pass_box(last, inside)
        right = lower.gather(1, labels[:, None])
        return right[:, 0] - upper.scatter(1, labels[:, None], -torch.inf).amax(1)
    lower, upper = inside
    centre, radius = (upper + lower) / 2, (upper - lower) / 2
    margins = centre.new_empty(len(labels))
    for label in labels.unique():
        rows, others = labels == label, torch.arange(last.out_features) != label.cpu()
        weight = last.weight[label] - last.weight[others]
        bias = None if last.bias is None else last.bias[label] - last.bias[others]
        least = F.linear(centre[rows], weight, bias) - F.linear(radius[rows], weight.abs())
        margins[rows] = least.amin(1)
    return margins


def _linear(layer: nn.Module, centre: Tensor, radius: Tensor) -> Box:
    """Centre and radius behind a linear layer, a convolution, or a norm by its statistics."""
    if isinstance(layer, nn.Linear):
        return F.linear(centre, layer.weight, layer.bias), F.linear(radius, layer.weight.abs())
    if isinstance(layer, nn.Conv2d):
        spread = layer._conv_forward(radius, layer.weight.abs(), None)
        return layer._conv_forward(centre, layer.weight, layer.bias), spread
    assert isinstance(layer, nn.BatchNorm2d)
    mean, variance = layer.running_mean, layer.running_var
    assert mean is not None  # `flat_layers` refuses norms without statistics
    assert variance is not None
    gamma = layer.importance() if isinstance(layer, BoundedBatchNorm2d) else layer.weight
    scale = gamma / (variance + layer.eps).sqrt()
    shift = (0 if layer.bias is None else layer.bias) - mean * scale
    shape = (1, -1, 1, 1)
    return centre * scale.view(shape) + shift.view(shape), radius * scale.abs().view(shape)


def _is_known(layer: nn.Module) -> bool:
    """Whether `pass_box` knows the layer."""
    kind = type(layer)
    if kind in NORMS:
        return layer.affine and layer.running_mean is not None  # type: ignore[return-value]
    simple = (nn.ReLU, *MONOTONE, *DROPOUTS, SparseLinear)
    return kind in simple or is_plain(layer)
