"""Multilayer perceptrons: flat images, hidden layers with a ReLU each, and a linear layer.

SET's tutorial has three hidden layers of 1,000 on Fashion-MNIST (Mocanu et al., Nature
Communications 2018, arXiv 1707.04780), Lookahead pruning four of 500 (arXiv 2002.04809).
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from goldpan.layers.dropout import ClassicDropout, ScaledAtTest, StraightThroughDropout
from goldpan.layers.masked import Layer, MaskedLinear
from goldpan.models.initialize import initialize, seeded
from goldpan.models.sizes import require_positive, with_bias

DROPOUTS = {
    "inverted": nn.Dropout,
    "classic": ClassicDropout,
    "straight_through": StraightThroughDropout,
}
"""The kinds of dropout; `goldpan.layers.dropout` says how they differ."""


class MLP(nn.Sequential):
    """Images (N, C, H, W) -> hidden layers, each with a ReLU and dropout -> logits (N, classes)."""


def mlp(
    classes: int = 10,
    channels: int = 1,
    image_size: int = 28,
    *,
    hidden: Sequence[int] = (1000, 1000, 1000),
    dropout: float = 0.0,
    dropout_kind: str = "inverted",
    bias: bool | str = True,
    linear: Layer = MaskedLinear,
    initialization: str = "kaiming_normal",
    seed: int = 0,
) -> MLP:
    """Build an MLP; 784-1000-1000-1000-10 has 2,794,000 weights and 3,010 biases.

    Args:
        dropout: fraction of the activations of each hidden layer that is dropped in training.
        dropout_kind: one of `DROPOUTS`.
        bias: true, false, or prunable: biases that count and are cut as weights.

    Raises ValueError for an option that no such network has.
    """
    with seeded(seed):
        net = MLP(
            perceptron(
                *(channels * image_size**2, tuple(hidden), classes),
                dropout=dropout,
                dropout_kind=dropout_kind,
                bias=bias,
                linear=linear,
            )
        )
    initialize(net, initialization, seed)
    return net


def perceptron(
    inputs: int,
    hidden: Sequence[int],
    classes: int,
    *,
    dropout: float = 0.0,
    dropout_kind: str = "inverted",
    bias: bool | str = True,
    linear: Layer = MaskedLinear,
) -> OrderedDict[str, nn.Module]:
    """The layers by name: flatten, linear1, relu1, linear2, ...; raises as `mlp`."""
    require_positive(inputs=inputs, classes=classes)
    require_positive(**{f"hidden[{place}]": size for place, size in enumerate(hidden)})
    if dropout_kind not in DROPOUTS:
        raise ValueError(f"dropout_kind must be one of {', '.join(DROPOUTS)}, got {dropout_kind!r}")
    sums_are_scaled = dropout > 0 and dropout_kind == "straight_through"
    layers = OrderedDict[str, nn.Module](flatten=nn.Flatten())
    for number, size in enumerate((*hidden, classes), start=1):
        layers |= with_bias(f"linear{number}", linear, inputs, size, bias=bias)
        if sums_are_scaled and number > 1:
            layers[f"scaled{number}"] = ScaledAtTest(dropout)
        if number <= len(hidden):
            layers[f"relu{number}"] = nn.ReLU()
            if dropout > 0:
                layers[f"dropout{number}"] = DROPOUTS[dropout_kind](dropout)
        inputs = size
    return layers
