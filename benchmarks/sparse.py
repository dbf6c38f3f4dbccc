"""Row 15: linear layers that compute with their kept weights alone."""

from copy import deepcopy
from functools import partial

import torch

from benchmarks.measure import Pairs, compare
from benchmarks.rows import Row, at_least
from benchmarks.workloads import check_same_logits, training_step
from goldpan.allocation.layerwise import layerwise
from goldpan.layers.sparse_linear import use_sparse
from goldpan.masks import masked_layers, read_masks, write_masks
from goldpan.models.lenet import lenet_300_100

BATCH = 100
BOUNDS = {0.95: 1.5, 0.98: 2.5, 0.99: 3.0}


def step(sparsity: float, device: torch.device) -> Pairs:
    """Training steps of sparse and of masked layers, whose losses have to be equal."""
    net = lenet_300_100()
    scores = {name: layer.weight.detach().abs() for name, layer in masked_layers(net).items()}
    write_masks(net, layerwise(scores, sparsity, read_masks(net)))
    sparse = deepcopy(net)
    use_sparse(sparse, holds_gradient=True)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(BATCH, 1, 28, 28, generator=generator), torch.arange(BATCH) % 10
    difference = check_same_logits(sparse, net, images[0])
    ours, theirs = (training_step(each, images, masks=True) for each in (sparse, net))
    note = f"Logits equal to {difference:.0e}."
    return compare(ours, theirs, 8, device=device, note=note)


ROWS = [
    Row(
        15,
        f"sparse-linear-{100 * sparsity:.0f}",
        f"LeNet-300-100 with sparse linear layers at {100 * sparsity:.0f} %, training step, batch "
        f"{BATCH}",
        "the masked step",
        at_least(bound),
        "A table of small dense networks costs what its kept weights cost.",
        partial(step, sparsity),
    )
    for sparsity, bound in BOUNDS.items()
]
