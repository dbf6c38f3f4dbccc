"""Row 15: linear layers that compute with their kept weights alone."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial

import torch
from torch import nn

from benchmarks.measure import Pairs, compare
from benchmarks.rows import Row, at_least
from benchmarks.workloads import check_same_logits, cut_smallest, training_step
from goldpan.allocation.layerwise import layerwise
from goldpan.layers.sparse_linear import use_sparse
from goldpan.models.lenet import lenet_300_100
from goldpan.models.mlp import mlp

NETS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "LeNet-300-100": (lenet_300_100, 100),
    "SET's MLP": (partial(mlp, hidden=[1000, 1000, 1000]), 40),
}
"""By name: what makes the network, and the images of a batch."""

BOUNDS = {
    ("LeNet-300-100", 0.95): 1.5,
    ("LeNet-300-100", 0.98): 2.5,
    ("LeNet-300-100", 0.99): 3.0,
    ("SET's MLP", 0.97): 3.0,
}


def step(name: str, sparsity: float, device: torch.device) -> Pairs:
    """Training steps of sparse and of masked layers, whose losses have to be equal."""
    make, batch = NETS[name]
    net = make()
    cut_smallest(net, sparsity, layerwise)
    sparse = deepcopy(net)
    use_sparse(sparse, holds_gradient=True)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, 1, 28, 28, generator=generator), torch.arange(batch) % 10
    difference = check_same_logits(sparse, net, images[0])
    ours, theirs = (training_step(each, images, masks=True) for each in (sparse, net))
    note = f"Logits equal to {difference:.0e}."
    return compare(ours, theirs, 6, device=device, note=note)


ROWS = [
    Row(
        15,
        f"sparse-{'mlp' if 'MLP' in name else 'lenet'}-{100 * sparsity:.0f}",
        f"{name} with sparse linear layers at {100 * sparsity:.0f} %, training step, batch "
        f"{NETS[name][1]}",
        "the masked step",
        at_least(bound),
        "A table of dense networks costs what its kept weights cost, if their layers are large.",
        partial(step, name, sparsity),
    )
    for (name, sparsity), bound in BOUNDS.items()
]
