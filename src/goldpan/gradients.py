"""Compute gradients with respect to effective weights (weight * mask); the model stays as it is.

Scores are computed in the precision of the weights, never under autocast: bf16 changes 12-23 % of
the weights that SNIP keeps. Products with the Hessian are double backward passes, since forward
mode gives wrong numbers with BatchNorm and no error.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.utils.hooks import RemovableHandle

from goldpan.layers.bounded_norm import BoundedBatchNorm2d
from goldpan.masks import masked_layers
from goldpan.types import Batch, Loss, Mode

Weights = dict[str, Tensor]


def effective_weights(model: nn.Module) -> Weights:
    """weight * mask of every masked layer, as fresh leaves that require a gradient."""
    return {
        name: (layer.weight.detach() * layer.mask).requires_grad_()
        for name, layer in masked_layers(model).items()
    }


def dense_weights(model: nn.Module) -> Weights:
    """The weights of the masked layers as they stand, cut ones included, without a graph."""
    return {name: layer.weight.detach() for name, layer in masked_layers(model).items()}


@contextmanager
def mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    """The model in train or eval mode inside the block, every module's own flag restored after."""
    flags = {module: module.training for module in model.modules()}
    model.train(training)
    try:
        yield
    finally:
        for module, flag in flags.items():
            module.training = flag


@contextmanager
def removing(hooks: Iterable[RemovableHandle]) -> Iterator[None]:
    """The hooks that are on modules inside the block, taken off after it."""
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def mean_loss(
    model: nn.Module,
    weights: Weights,
    batch: Batch,
    loss: Loss,
    temperature: float = 1.0,
    how: Mode = "train",
) -> Tensor:
    """loss(f(x; weights) / temperature, y), a scalar with a graph to `weights`.

    In train mode BatchNorm normalises by the batch, and its running statistics stay as they were.
    Dropout is off, and any other layer that draws random numbers draws the same at every call.

    Raises:
        ValueError: if there is no such mode.
    """
    if how not in ("train", "eval"):
        raise ValueError(f"scoring_mode must be train or eval, got {how}")
    x, y = batch
    # functional_call writes the running statistics in place, even in the model that is called.
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    devices = [x.device] if x.is_cuda else []
    # The fused kernels of attention have no second derivative (torch 2.14); plain operations do.
    attention = sdpa_kernel(SDPBackend.MATH)
    with mode(model, training=how == "train"), torch.random.fork_rng(devices), attention:
        # torch.manual_seed would also seed each other accelerator, and write down the stack for it.
        torch.default_generator.manual_seed(0)
        if x.is_cuda:
            torch.cuda.default_generators[x.device.index].manual_seed(0)
        for module in model.modules():
            if isinstance(module, _DropoutNd):
                module.training = False
        logits = functional_call(model, {**buffers, **weights}, (x,))
        return loss(logits / temperature, y)


class Slope(NamedTuple):
    """The loss of one batch; the effective weights, leaves of its graph; dL/dw in their order."""

    loss: Tensor
    weights: Weights
    gradients: Sequence[Tensor]

    @property
    def norm(self) -> float:
        """The squared gradient norm: the sum of (dL/dw)^2 over all weights, cut places included."""
        return float(sum(gradient.detach().double().square().sum() for gradient in self.gradients))


Slopes = dict[tuple[int, int, float, Mode], Slope]
"""By the ids of network and of images, temperature and mode; the images must live as long."""

_shared: ContextVar[Slopes | None] = ContextVar("slopes", default=None)


@contextmanager
def one_graph(known: Slopes | None = None) -> Iterator[None]:
    """Share one graph inside the block between all who ask for the same network and batch.

    First and second order scores then cost one forward pass together. Neither the network nor its
    masks nor the batches may change inside, nor since `known` was filled: it has the graphs of a
    block before, and keeps those of this one.
    """
    token = _shared.set({} if known is None else known)
    try:
        yield
    finally:
        _shared.reset(token)


def slope(
    model: nn.Module,
    batch: Batch,
    loss: Loss,
    temperature: float = 1.0,
    how: Mode = "train",
    *,
    graph: bool = False,
) -> Slope:
    """The loss of a batch and its gradient; with `graph` the gradient can be differentiated."""
    shared = _shared.get()
    key = (id(model), id(batch[0]), temperature, how)
    if shared is not None and key in shared:
        return shared[key]
    weights = effective_weights(model)
    value = mean_loss(model, weights, batch, loss, temperature, how)
    again = graph or shared is not None
    # A branch of the network that these images do not take has a gradient of zero.
    found = torch.autograd.grad(
        value, list(weights.values()), create_graph=again, materialize_grads=True
    )
    if shared is None:
        return Slope(value, weights, found)
    return shared.setdefault(key, Slope(value, weights, found))


def first_order(
    model: nn.Module,
    batches: Sequence[Batch],
    loss: Loss,
    temperature: float = 1.0,
    how: Mode = "train",
) -> tuple[Weights, Weights]:
    """The effective weights w, and g = dL/dw of the loss averaged over the batches."""
    weights = detach(effective_weights(model))
    total = [torch.zeros_like(weight) for weight in weights.values()]
    for batch in batches:
        gradients = slope(model, batch, loss, temperature, how).gradients
        torch._foreach_add_(total, [g.detach() for g in gradients], alpha=1 / len(batches))
    return weights, dict(zip(weights, total, strict=True))


def second_order(
    model: nn.Module,
    batches: Sequence[Batch],
    loss: Loss,
    temperature: float = 1.0,
    how: Mode = "train",
) -> tuple[Weights, Weights]:
    """The effective weights w, and H g: the Hessian of the mean loss times its gradient g.

    H g = d/dw (g . g) / 2. One batch needs one graph; of several, g is averaged over all of them
    first and each batch's own Hessian is applied to it.
    """
    weights = detach(effective_weights(model))
    mean: Sequence[Tensor] = ()
    if len(batches) > 1:
        mean = list(first_order(model, batches, loss, temperature, how)[1].values())
    total = [torch.zeros_like(weight) for weight in weights.values()]
    for batch in batches:
        _, leaves, gradients = slope(model, batch, loss, temperature, how, graph=True)
        products = torch.autograd.grad(
            gradients,
            list(leaves.values()),
            grad_outputs=mean or [gradient.detach() for gradient in gradients],
            retain_graph=_shared.get() is not None,
            materialize_grads=True,
        )
        torch._foreach_add_(total, products, alpha=1 / len(batches))
    return weights, dict(zip(weights, total, strict=True))


def flow(model: nn.Module, weights: Mapping[str, Tensor], shape: Sequence[int]) -> Weights:
    """dR/dw of R, the sum of the logits for an image of ones, with BatchNorm as the identity.

    Args:
        weights: take the place of the masked layers' weights (SynFlow gives |w * m|). Biases count
            as zero, and every other parameter by its absolute value.
        shape: that of one image, (C, H, W).

    Raises:
        ValueError: if the model has other norms than BatchNorm: of an image of ones they make 0.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.LayerNorm | nn.GroupNorm | nn.RMSNorm):
            raise ValueError(
                f"SynFlow needs norms that can be the identity, BatchNorms; {name} is a "
                f"{type(module).__name__}: choose another method"
            )
    # In float64, since R is a product over all layers: in float32 it overflows in deep networks.
    state: Weights = {
        name: parameter.detach().double().abs() * (not name.endswith("bias"))
        for name, parameter in model.named_parameters()
        if name not in weights
    }
    state |= {
        name: (buffer.double() if buffer.is_floating_point() else buffer).clone()
        for name, buffer in model.named_buffers()
    }
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm):
            state |= _identity(f"{name}.", module)
    leaves = {name: weight.detach().double().requires_grad_() for name, weight in weights.items()}
    ones = torch.ones(1, *shape, dtype=torch.float64, device=next(iter(leaves.values())).device)
    with mode(model, training=False):
        total = functional_call(model, {**state, **leaves}, (ones,)).sum()
    found = torch.autograd.grad(total, list(leaves.values()), materialize_grads=True)
    return dict(zip(leaves, found, strict=True))


def _identity(prefix: str, norm: _BatchNorm) -> Weights:
    """The state that makes a BatchNorm in eval mode return its input."""
    state: Weights = {}
    if norm.running_mean is not None and norm.running_var is not None:
        state[prefix + "running_mean"] = torch.zeros_like(norm.running_mean, dtype=torch.float64)
        variance = torch.ones_like(norm.running_var, dtype=torch.float64) - norm.eps  # eps is added
        state[prefix + "running_var"] = variance
    if norm.affine:
        unit = norm.unit_weight if isinstance(norm, BoundedBatchNorm2d) else 1.0
        state[prefix + "weight"] = torch.full_like(norm.weight, unit, dtype=torch.float64)
    if norm.bias is not None:
        state[prefix + "bias"] = torch.zeros_like(norm.bias, dtype=torch.float64)
    return state


def detach(tensors: Mapping[str, Tensor]) -> Weights:
    """The same tensors without their graph."""
    return {name: tensor.detach() for name, tensor in tensors.items()}
