"""Layers that compute with few bits: a quantised weight, and a quantised and pruned input.

X. Zhang, I. Colbert, K. Kreutz-Delgado, S. Das, Training Deep Neural Networks with Joint
Quantization and Pruning of Weights and Activations, 2021, arXiv 2110.08271, and its code qsparse:

    q(x) = clamp(int(x 2^d), -2^(b-1), 2^(b-1) - 1) 2^-d,

with the d of 0 to 19 of the least squared error, the smallest of several. The gradient passes
straight through where nothing is clamped, and is 0 elsewhere; the code that could be read leaves
it as it is there, and clamps the gradient's own values instead.

The parameter keeps its floats, and the layer changes its class, as in `goldpan.layers.swap`: a
network that is not quantised runs the same code as ever.
Interpretation: one d for a whole weight, where the authors' CIFAR code has one for each input
channel of a convolution; biases and norms stay floats.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from goldpan.layers.masked import MaskedConv2d, MaskedLinear

FLOAT = 32
"""The bits of what is not quantised."""

EXPONENTS = 20
"""The scale 2^-d is one of d = 0 to 19."""

Rounding = Literal["toward_zero", "nearest"]

ROUNDINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "toward_zero": torch.trunc,
    "nearest": torch.round,
}
"""To whole numbers: as the authors' code does, and to the nearest, of two halves the even one."""


@dataclass(frozen=True)
class Grid:
    """The 2^bits values that q(x) takes: whole numbers times 2^-exponent, of both signs.

    Raises ValueError if there is no such rounding.
    """

    bits: int
    exponent: int
    rounding: Rounding = "toward_zero"

    def __post_init__(self) -> None:
        if self.rounding not in ROUNDINGS:
            raise ValueError(f"rounding is {' or '.join(ROUNDINGS)}; got {self.rounding!r}")

    def __call__(self, x: Tensor) -> Tensor:
        """q(x), of the shape and dtype of x; its gradient is 1 where q clamps nothing, else 0."""
        scale, limit = 2.0**self.exponent, 2.0 ** (self.bits - 1)
        exact = x.detach().to(torch.promote_types(x.dtype, torch.float32))
        levels = ROUNDINGS[self.rounding](exact * scale)
        values = (levels.clamp(-limit, limit - 1) / scale).to(x.dtype)
        if not (torch.is_grad_enabled() and x.requires_grad):
            return values
        inside = (levels >= -limit) & (levels < limit)
        through = torch.where(inside, x, torch.zeros_like(x))
        return values + (through - through.detach())  # a difference of 0 that has the gradient

    def error(self, x: Tensor) -> Tensor:
        """The sum of (q(x) - x)^2, a float64 scalar."""
        return (self(x.detach()) - x.detach()).double().square().sum()


def grids(bits: int, rounding: Rounding = "toward_zero") -> list[Grid]:
    """The grids of so many bits that the scale is chosen from, by exponent."""
    return [Grid(bits, exponent, rounding) for exponent in range(EXPONENTS)]


def best_exponent(errors: Tensor) -> int:
    """The smallest exponent of the least error; errors (EXPONENTS,), by exponent."""
    return int((errors == errors.min()).nonzero()[0]) if errors.isfinite().all() else 0


def choose_exponent(x: Tensor, bits: int, rounding: Rounding = "toward_zero") -> int:
    """The exponent d with the least squared error on a tensor of any shape."""
    return best_exponent(torch.stack([grid.error(x) for grid in grids(bits, rounding)]))


@dataclass(frozen=True)
class Values:
    """What a layer computes with: None where its weight or its input are floats, or not pruned.

    `mask` holds bools of the shape of one image's input, True where it is kept. As q(0) = 0, to
    mask and then quantise is to quantise and then mask: the order of the two shows in what decides
    the mask and the grid.
    """

    weight: Grid | None = None
    input: Grid | None = None
    mask: Tensor | None = None

    def of_weight(self, weight: Tensor) -> Tensor:
        """The weight that the layer multiplies by."""
        return weight if self.weight is None else self.weight(weight)

    def of_input(self, x: Tensor) -> Tensor:
        """The input (N, ...) that the layer multiplies."""
        kept = x if self.mask is None else x * self.mask
        return kept if self.input is None else self.input(kept)


class QuantizedConv2d(MaskedConv2d):
    """A `MaskedConv2d` that computes with `values`."""

    values: Values

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> (N, C_out, H', W')."""
        weight = self.values.of_weight(self.weight)
        out: Tensor = self._conv_forward(self.values.of_input(x), weight, self.bias)
        return out


class QuantizedLinear(MaskedLinear):
    """A `MaskedLinear` that computes with `values`."""

    values: Values

    def forward(self, x: Tensor) -> Tensor:
        """x (..., in) -> (..., out)."""
        weight = self.values.of_weight(self.weight)
        return nn.functional.linear(self.values.of_input(x), weight, self.bias)


_QUANTIZED: dict[Any, Any] = {MaskedConv2d: QuantizedConv2d, MaskedLinear: QuantizedLinear}
_PLAIN: dict[Any, Any] = {quantized: plain for plain, quantized in _QUANTIZED.items()}


def quantizable(model: nn.Module) -> dict[str, MaskedConv2d | MaskedLinear]:
    """The layers that can be quantised by the name of their weight, whether or not they are."""
    return {
        f"{name}.weight".lstrip("."): cast("MaskedConv2d | MaskedLinear", layer)
        for name, layer in model.named_modules()
        if type(layer) in _QUANTIZED or type(layer) in _PLAIN
    }


def use_values(model: nn.Module, values: Mapping[str, Values]) -> None:
    """Let each layer that is named by its weight compute with its values, in place."""
    for name, layer in quantizable(model).items():
        if name in values:
            layer.__class__ = _QUANTIZED.get(type(layer), type(layer))
            layer.__dict__["values"] = values[name]


def use_floats(model: nn.Module) -> None:
    """Undo `use_values`: every layer computes with its parameter and its input as they are."""
    for layer in quantizable(model).values():
        if type(layer) in _PLAIN:
            layer.__class__ = _PLAIN[type(layer)]
            del layer.__dict__["values"]


@torch.no_grad()
def write_weights(model: nn.Module, values: Mapping[str, Values]) -> None:
    """Put quantised weights in the place of the floats, where a layer's values have a grid."""
    for name, layer in quantizable(model).items():
        if name in values:
            layer.weight.copy_(values[name].of_weight(layer.weight))


@contextmanager
def plain_layers(
    model: nn.Module, values: Mapping[str, Values], *, quantized: bool
) -> Iterator[None]:
    """A network of plain layers inside the block, whose inputs are floats; `values` after it.

    Weights are the quantised ones, or the floats that they are made of.
    """
    use_floats(model)
    floats = {name: layer.weight.detach().clone() for name, layer in quantizable(model).items()}
    if quantized:
        write_weights(model, values)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, layer in quantizable(model).items() if quantized else ():
                layer.weight.copy_(floats[name])
        use_values(model, values)
