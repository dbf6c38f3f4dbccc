"""Optimizer steps on kept weights alone, for the layers of `goldpan.layers.sparse_linear`.

Outside a step every weight is the dense matrix with its zeros. For a step, `pack` gives the
optimizer the K kept numbers in its place, and their gradients; `unpack` writes them back. What the
optimizer remembers of them stays packed from step to step, until `unpack_memory`.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import nn
from torch.optim import Optimizer

from goldpan.layers.sparse_linear import SparseLinear
from goldpan.masks import memory_of


@torch.no_grad()
def pack(layers: Iterable[nn.Module], optimizer: Optimizer) -> None:
    """Let the next step of the optimizer see the kept weights (K,) of sparse layers alone."""
    for layer in _sparse(layers):
        flat, weight, gradient = layer.places().flat, layer.weight, layer.take_gradient()
        if weight.grad is not None:  # of a penalty, or averaged over ranks
            rest = weight.grad.reshape(-1).index_select(0, flat)
            gradient = rest if gradient is None else gradient + rest
        for name, value in memory_of(optimizer, weight).items():
            optimizer.state[weight][name] = value.reshape(-1).index_select(0, flat)
        layer.dense, values, weight.grad = weight.data, layer.values(), None
        weight.data = values
        weight.grad = gradient


@torch.no_grad()
def unpack(layers: Iterable[nn.Module]) -> None:
    """Write the kept weights back to the dense matrices, which take their places again."""
    for layer in _sparse(layers):
        if layer.dense is not None:
            weight, values = layer.weight, layer.weight.data
            layer.dense.put_(layer.places().flat, values)
            weight.grad = None
            weight.data, layer.dense = layer.dense, None
            layer.keep_values(values)


@torch.no_grad()
def unpack_memory(layers: Iterable[nn.Module], optimizer: Optimizer) -> None:
    """Make what the optimizer remembers dense, as masks that change and checkpoints need it."""
    for layer in _sparse(layers):
        flat, weight = layer.places().flat, layer.weight
        for name, value in memory_of(optimizer, weight, flat.shape).items():
            optimizer.state[weight][name] = torch.zeros_like(weight).put_(flat, value)


def _sparse(layers: Iterable[nn.Module]) -> Iterator[SparseLinear]:
    return (layer for layer in layers if isinstance(layer, SparseLinear))
