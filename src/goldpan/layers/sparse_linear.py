"""Linear layers that compute with their kept weights alone, on the CPU.

The parameter stays the dense matrix with its zeros, so masks and checkpoints see no difference;
products are taken by rows of kept weights (CSR, through MKL), and `goldpan.training.kept_steps`
lets an optimizer see those alone. The gradient of a cut weight is zero, not what it would be: no
method may ask for it.
Equal to the masked layer but for the order of sums.
"""

import warnings
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from goldpan.layers.masked import MaskedLinear

DENSEST, SMALLEST = 0.1, 100_000
"""The fraction of kept weights up to which a layer gains, and the weights, kept and cut, from which
it does; benchmarks/README.md has the ratios."""

EMPTY = dict.fromkeys(("dense", "known", "packed", "gradient"))
"""What a sparse layer knows at first; no buffers, so that no checkpoint has them."""

with warnings.catch_warnings():  # torch 2.14 says once in a process that CSR is in beta: here
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 0], [], [], (1, 1))


class SparseLinear(MaskedLinear):
    """A `MaskedLinear` that multiplies by its kept weights; see the module.

    With `holds_gradient` the gradient of the kept weights is no `weight.grad` of the weight's shape
    but waits for `take_gradient`. `dense` has the weight while an optimizer sees its kept part.
    """

    holds_gradient: bool
    dense: Tensor | None
    known: tuple[int, "Places"] | None
    packed: tuple[tuple[int, int], Tensor] | None
    gradient: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        """x (..., in) -> (..., out), float32."""
        flat = x.reshape(-1, self.in_features)
        out: Tensor = _Product.apply(flat, self.weight, self)
        out = out.reshape(*x.shape[:-1], self.out_features)
        return out if self.bias is None else out + self.bias

    def places(self) -> "Places":
        """Where the kept weights are, found again only after the mask was written to."""
        if self.known is None or self.known[0] != self.mask._version:
            self.known = self.mask._version, find_places(self.mask)
        return self.known[1]

    def values(self) -> Tensor:
        """The kept weights, (K,), taken again only after weights or mask were written to."""
        places = self.places()
        if self.packed is None or self.packed[0] != self._written():
            return self.weight.detach().reshape(-1).index_select(0, places.flat)
        return self.packed[1]

    def keep_values(self, values: Tensor) -> None:
        """Remember what `values` gives until weights or mask are written to."""
        self.packed = self._written(), values

    def _written(self) -> tuple[int, int]:
        return self.weight._version, self.mask._version

    def add_gradient(self, gradient: Tensor) -> None:
        """Add to the gradient of the kept weights, (K,)."""
        self.gradient = gradient if self.gradient is None else self.gradient + gradient

    def take_gradient(self) -> Tensor | None:
        """The gradient of the kept weights, (K,), of all backward passes since it was taken."""
        taken, self.gradient = self.gradient, None
        return taken


class Places(NamedTuple):
    """Kept weights by row, and again by column; `order` takes the values of one to the other.

    `flat` are their positions in the flattened matrix, (K,); `starts` those of each row's first
    among them, (out + 1,); `columns` their columns, (K,).
    """

    shape: tuple[int, int]
    flat: Tensor
    starts: Tensor
    columns: Tensor
    starts_by_column: Tensor
    rows_by_column: Tensor
    order: Tensor

    def matrix(self, values: Tensor) -> Tensor:
        """The weights, (out, in), of these values in CSR."""
        return _csr(self.starts, self.columns, values, self.shape)

    def transposed(self, values: Tensor) -> Tensor:
        """The weights' transpose, (in, out), in CSR."""
        starts, rows = self.starts_by_column, self.rows_by_column
        return _csr(starts, rows, values.index_select(0, self.order), self.shape[::-1])


def find_places(mask: Tensor) -> Places:
    """Where a mask (out, in) is true."""
    rows, columns = mask.nonzero(as_tuple=True)
    order = torch.argsort(columns, stable=True)
    flat = rows * mask.shape[1] + columns
    starts, by_column = (
        torch.cat([mask.new_zeros(1, dtype=torch.int64), mask.sum(axis).cumsum(0)])
        for axis in (1, 0)
    )
    shape = (mask.shape[0], mask.shape[1])
    return Places(shape, flat, starts, columns, by_column, rows[order], order)


def _csr(starts: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)


class _Product(torch.autograd.Function):
    """x (N, in), weight (out, in) -> x @ weight.T, (N, out)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, layer: SparseLinear) -> Tensor:
        places, values = layer.places(), layer.values()
        ctx.save_for_backward(x, values)
        ctx.places, ctx.layer = places, layer
        return (places.matrix(values) @ x.t()).t()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, values = ctx.saved_tensors
        places: Places = ctx.places
        by_x = by_weight = None
        if ctx.needs_input_grad[0]:
            by_x = (places.transposed(values) @ gradient.t()).t()
        if ctx.needs_input_grad[1]:
            nothing = places.matrix(torch.zeros_like(values))
            kept = torch.sparse.sampled_addmm(nothing, gradient.t(), x, beta=0).values()
            if ctx.layer.holds_gradient:
                ctx.layer.add_gradient(kept)
            else:
                by_weight = x.new_zeros(places.shape)
                by_weight.view(-1)[places.flat] = kept
        return by_x, by_weight, None


def use_sparse(model: nn.Module, *, holds_gradient: bool = False) -> None:
    """Let linear layers of SMALLEST weights or more, of which at most DENSEST is kept, compute with
    that alone, in place.

    With `holds_gradient` only `goldpan.training.kept_steps` can train them.
    """
    for layer in model.modules():
        if type(layer) is not MaskedLinear or layer.mask.numel() < SMALLEST:
            continue
        if float(layer.mask.float().mean()) <= DENSEST:
            layer.__class__ = SparseLinear
            layer.__dict__ |= EMPTY | {"holds_gradient": holds_gradient}


def use_dense(model: nn.Module) -> None:
    """Undo `use_sparse`: gradients of cut weights can be asked for again."""
    for layer in model.modules():
        if type(layer) is SparseLinear:
            layer.__class__ = MaskedLinear  # type: ignore[assignment]
            for name in ("holds_gradient", *EMPTY):
                layer.__dict__.pop(name)
