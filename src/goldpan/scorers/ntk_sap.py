"""NTK-SAP: Y. Wang et al., Aligning Training Dynamics, ICLR 2023, arXiv 2304.02840.

S = |d/dm mean_i ||f(z_i; w_i * m) - f(z_i; (w_i + dw_i) * m)||^2|: how much the trace of the neural
tangent kernel, by finite differences, depends on the weight; dw_i ~ N(0, epsilon^2). Inputs and
weights are new, z_i ~ N(0, 1) and w_i initialised anew with each batch: of the images only the
shape counts. BatchNorm takes the statistics of f(z_i; w_i * m), as constants, for both outputs.
Meant for 20 rounds (CIFAR-10; 100 for CIFAR-100) at exponentially falling density.
Differs from the authors' code: the mean over images, batches and repeats in place of their sum,
which changes no ranking. Their batches have 256 images, so that the 1,000 images for CIFAR-100 are
four, each with weights of its own; here they are one, and `repeats` = 4 is as many draws. Ties:
exactly as many weights are kept as asked, of equal scores the first. Theirs cuts every weight at
the threshold, below the count asked for, and its own check then ends the process.
Interpretation: a scorer does not know the model's initialisation, so w_i ~ N(0, s^2), s^2 being the
mean square of the layer's own dense weight; biases and norms are the model's own in both outputs.
"""

import copy
from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from goldpan.gradients import Weights
from goldpan.masks import masked_layers, read_masks
from goldpan.stream import stream
from goldpan.types import AsIndex, Batch, Loss, Scores

AS_INDEX = AsIndex(sees_masks=True)


def ntk_sap(
    model: nn.Module,
    batches: Sequence[Batch],
    loss: Loss,
    *,
    epsilon: float = 0.01,
    repeats: int = 1,
    seed: int = 0,
) -> Scores:
    """|d/dm ||f(z; w * m) - f(z; (w + dw) * m)||^2|, the mean over z, w, dw; cut weights score 0.

    Each batch is taken `repeats` times, with new numbers. They depend on `seed` and on how many
    weights are kept: other numbers in each round, the same for the same input.

    Raises:
        ValueError: if `epsilon` is not positive or `repeats` is below 1.
    """
    if epsilon <= 0 or repeats < 1:
        expected = "epsilon must be positive and repeats at least 1"
        raise ValueError(f"{expected}, got {epsilon} and {repeats}; the paper takes 0.01 and 1")
    layers, network = masked_layers(model), _without_memory(model)
    masks = {n: layer.mask.to(layer.weight.dtype).requires_grad_() for n, layer in layers.items()}
    total = [torch.zeros_like(mask) for mask in masks.values()]
    key = (seed, "ntk_sap", read_masks(model).kept)
    for repeat, (index, (x, _)) in product(range(repeats), enumerate(batches)):
        z = _normal(x.shape, total[0], *key, repeat, index, "input")
        before, after = {}, {}
        for name, layer in layers.items():
            weight, shape = layer.weight.detach(), layer.weight.shape
            w = weight.square().mean().sqrt() * _normal(shape, weight, *key, repeat, index, name)
            dw = epsilon * _normal(shape, weight, *key, repeat, index, name, "change")
            before[name], after[name] = w * masks[name], (w + dw) * masks[name]
        value = _change(network, z, before, after) / (repeats * len(batches))
        found = torch.autograd.grad(value, list(masks.values()), materialize_grads=True)
        torch._foreach_add_(total, found)
    return {name: (layers[name].mask * g).abs() for name, g in zip(masks, total, strict=True)}


def _normal(shape: Sequence[int], like: Tensor, *key: int | str) -> Tensor:
    """Independent N(0, 1) numbers that the key determines, the same on every device."""
    return torch.randn(shape, generator=stream(*key), dtype=torch.float32).to(like)


def _without_memory(model: nn.Module) -> nn.Module:
    """A copy in eval mode whose BatchNorms remember the last batch alone."""
    network = copy.deepcopy(model).eval().requires_grad_(False)
    for norm in network.modules():
        if isinstance(norm, _BatchNorm):
            norm.momentum = 1.0
    return network


def _change(network: nn.Module, z: Tensor, before: Weights, after: Weights) -> Tensor:
    """||f(z; before) - f(z; after)||^2, mean over z; BatchNorm by the statistics of `before`."""
    for norm in network.modules():
        if isinstance(norm, _BatchNorm):
            norm.train()
    with torch.no_grad():
        functional_call(network, before, (z,))
    network.eval()
    change: Tensor = functional_call(network, before, (z,)) - functional_call(network, after, (z,))
    return change.square().sum(1).mean()
