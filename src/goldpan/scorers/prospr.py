"""ProsPr: M. Alizadeh et al., Prospect Pruning, ICLR 2022, arXiv 2202.08132.

The paper's S = |dL(w_M)/dm| at m = 1: the mask multiplies the initial weights alone, w_0 = m * w,
and M steps of SGD on all parameters, biases and the scales of norms too, lead from w_0 to w_M.
Order "full" takes the derivative through all the steps, whose graphs are in memory together; order
"first" puts the gradient at w_M in its place. Without steps both are SNIP.
Differs from the authors' code: with momentum, "full" goes through the first gradient too, of which
theirs takes a copy without graph (`detach_first` does); dropout is off; no other device is chosen
for "full".
Interpretation: over several rounds, a weight that is cut stays zero through the steps.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goldpan.gradients import Weights, effective_weights, mean_loss
from goldpan.masks import read_masks
from goldpan.types import Batch, Loss, Scores


def prospr(
    model: nn.Module,
    batches: Sequence[Batch],
    loss: Loss,
    *,
    steps: int = 3,
    rate: float = 0.1,
    momentum: float = 0.0,
    order: str = "first",
    detach_first: bool = False,
) -> Scores:
    """|w_0 * dL(w_M)/dw_0|, w_M being M = `steps` steps of SGD with `rate` and `momentum` from w_0.

    The steps take the batches in turn and L takes the next one, from the first again after the
    last: so one batch serves all, as by default in the authors' command, and `steps` + 1 batches
    are each seen once. With `detach_first` and momentum the first step counts as a constant.

    Raises:
        ValueError: if there is no such order, `steps` is negative or the steps diverge.
    """
    start, gradients = meta_gradients(
        model,
        batches,
        loss,
        steps=steps,
        rate=rate,
        momentum=momentum,
        order=order,
        detach_first=detach_first,
    )
    return {name: (start[name] * gradients[name]).abs() for name in read_masks(model)}


def meta_gradients(
    model: nn.Module,
    batches: Sequence[Batch],
    loss: Loss,
    *,
    steps: int,
    rate: float,
    momentum: float,
    order: str,
    detach_first: bool,
) -> tuple[Weights, Weights]:
    """w_0 of every parameter by its name, and dL(w_M)/dw_0; the arguments are those of `prospr`.

    Weights of masked layers are effective ones. Raises ValueError as `prospr` does.
    """
    if order not in ("first", "full"):
        raise ValueError(f"order must be first or full, got {order!r}; first needs less memory")
    if steps < 0:
        raise ValueError(f"steps must be 0 or more, got {steps}; 0 is SNIP, the paper takes 3")
    masks = read_masks(model)
    start = {name: value.detach().requires_grad_() for name, value in model.named_parameters()}
    point = start = start | effective_weights(model)
    velocity = {name: torch.zeros_like(value) for name, value in point.items()}
    for step in range(steps):
        value = mean_loss(model, point, batches[step % len(batches)], loss)
        for name, g in _gradients(value, point, graph=order == "full").items():
            g = g.detach() if detach_first and momentum and step == 0 else g  # as torch.optim.SGD
            velocity[name] = momentum * velocity[name] + g * masks.get(name, 1)
        point = {name: value - rate * velocity[name] for name, value in point.items()}
        if order == "first":
            point = {name: value.detach().requires_grad_() for name, value in point.items()}
    value = mean_loss(model, point, batches[steps % len(batches)], loss)
    gradients = _gradients(value, start if order == "full" else point)
    if not all(g.isfinite().all() for g in gradients.values()):
        raise ValueError(f"the steps of ProsPr must not diverge, got rate={rate}; lower it")
    return {name: weight.detach() for name, weight in start.items()}, gradients


def _gradients(value: Tensor, leaves: Weights, *, graph: bool = False) -> Weights:
    """The derivative of a scalar by each tensor; zero by one that the scalar does not depend on."""
    found = torch.autograd.grad(
        value, list(leaves.values()), create_graph=graph, materialize_grads=True
    )
    return dict(zip(leaves, found, strict=True))
