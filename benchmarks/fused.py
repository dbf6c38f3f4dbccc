"""Row 18: several cells of a table as one network, by torch's vmap over their stacked weights.

Linear layers become batched matrix products, convolutions grouped ones. The cells share an
architecture and a recipe; weights, masks and images are each cell's own.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from benchmarks.measure import Pairs, compare
from benchmarks.rows import Row, at_least
from benchmarks.workloads import cut_smallest
from goldpan.allocation.layerwise import layerwise
from goldpan.masks import mask_gradients, masked_layers
from goldpan.models.lenet import lenet_300_100
from goldpan.models.resnet import resnet20

CELLS, STEPS = 4, 20

Steps = Callable[[], None]

CASES: dict[str, tuple[Callable[..., nn.Module], int, tuple[int, int, int], float | None]] = {
    "LeNet-300-100": (lenet_300_100, 100, (1, 28, 28), 1.3),
    "ResNet-20": (resnet20, 32, (3, 32, 32), None),
}
"""By name: what makes the network of a seed, images of a batch, their shape, the target."""


def cells(make: Callable[..., nn.Module], count: int) -> list[nn.Module]:
    """Networks of different seeds, 90 % of each layer cut."""
    nets = [make(seed=seed) for seed in range(count)]
    for net in nets:
        cut_smallest(net, 0.9, layerwise)
    return nets


def apart(nets: list[nn.Module], images: Tensor, labels: Tensor) -> Steps:
    """STEPS steps of each network, one network after the other."""
    optimizers = [_optimizer(list(net.parameters())) for net in nets]

    def steps() -> None:
        for net, optimizer, x, y in zip(nets, optimizers, images, labels, strict=True):
            layers = list(masked_layers(net).values())
            for at in range(STEPS):
                loss = F.cross_entropy(net(x[at]), y[at])
                optimizer.zero_grad()
                loss.backward()
                mask_gradients(layers)
                optimizer.step()

    return steps


def together(
    nets: list[nn.Module], images: Tensor, labels: Tensor
) -> tuple[Steps, dict[str, Tensor]]:
    """STEPS steps of all networks at once, and their stacked weights (cells, ...)."""
    weights, buffers = stack_module_state(nets)
    masks = {
        f"{name.removesuffix('mask')}weight": buffers[name] for name in buffers if "mask" in name
    }
    shell = deepcopy(nets[0])
    optimizer = _optimizer(list(weights.values()))

    def loss_of(
        weights: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor
    ) -> Tensor:
        return F.cross_entropy(functional_call(shell, (weights, buffers), (x,)), y)

    losses = vmap(loss_of)

    def steps() -> None:
        for at in range(STEPS):
            loss = losses(weights, buffers, images[:, at], labels[:, at]).sum()
            optimizer.zero_grad()
            loss.backward()
            gradients = [weights[name].grad for name in masks]
            torch._foreach_mul_(gradients, list(masks.values()))
            optimizer.step()

    return steps, weights


def step(name: str, device: torch.device) -> Pairs:
    """Steps of both, whose weights have to be the same in float64."""
    make, batch, shape, _ = CASES[name]
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(CELLS, STEPS, batch, *shape, generator=generator).to(device)
    labels = torch.randint(10, (CELLS, STEPS, batch), generator=generator).to(device)
    nets = [net.to(device) for net in cells(make, CELLS)]
    difference = check([deepcopy(net).double() for net in nets], images.double(), labels)
    ours, _ = together([deepcopy(net) for net in nets], images, labels)
    theirs = apart(nets, images, labels)
    note = f"Weights equal to {difference:.0e} in float64 after {STEPS} steps."
    return compare(ours, theirs, 6, device=device, note=note)


def check(nets: list[nn.Module], images: Tensor, labels: Tensor) -> float:
    """The largest difference of a weight after STEPS steps, relative to its tensor's.

    Raises RuntimeError if it exceeds 1e-9: in float64, for in float32 two orders of summation
    drift apart by percents within twenty steps of a ResNet.
    """
    fused, stacked = together([deepcopy(net) for net in nets], images, labels)
    fused()
    apart(nets, images, labels)()
    worst = 0.0
    for cell, net in enumerate(nets):
        for name, weight in net.named_parameters():
            difference = (weight - stacked[name][cell]).detach().abs().max()
            worst = max(worst, float(difference / weight.detach().abs().max()))
    if not worst <= 1e-9:
        raise RuntimeError(f"weights differ by {worst:.2g}")
    return worst


def _optimizer(weights: list[Tensor]) -> torch.optim.Optimizer:
    return torch.optim.SGD(weights, 0.02, momentum=0.9, weight_decay=1e-4, fused=True)


def _row(name: str) -> Row:
    _, batch, _, bound = CASES[name]
    return Row(
        18,
        f"fused-{name.lower()}",
        f"{CELLS} cells of {name} at 90 % as one network, training steps, batch {batch}",
        f"the {CELLS} networks one after the other",
        at_least(bound),
        "Whether a table of small networks would gain from training them as one.",
        partial(step, name),
        gpu=True,
    )


ROWS = [_row("LeNet-300-100")]
GPU_ROWS = [_row("ResNet-20")]
"""A processor is slower at grouped convolutions than at the networks' own: 0.87x, measured once."""
