"""SInGE: remove the channels by which the loss varies least on the way to their removal.

SInGE: Sparsity via Integrated Gradients Estimation of Neuron Relevance, NeurIPS 2022, arXiv
2207.04089. A neuron's relevance integrates the variation of the gradient along a path that takes
its weights to zero, which a gradient at the trained weights does not see. Pruning is entwined with
fine-tuning: `method.channels.rounds`.

*Interpretation:* there is no code, and only abstract, introduction and a caption were at hand. The
path is that of a gate z, from 1 to 0, on a channel's norm, whose scale and bias it multiplies (of a
hidden unit on its linear layer), since a norm undoes any factor on the filter itself. So

    I = integral of |dL/dz| dz,

by the midpoints of the steps, since a ReLU has no slope at 0; and BatchNorm takes its running
statistics: by those of the batch, a layer that is scaled as a whole would stay as it was.
Without the absolute value the integral is that of integrated gradients (Sundararajan et al., ICML
2017, arXiv 1703.01365), and complete: along a linear path it comes to L(1) - L(0). Path, steps, and
which channels go along are choices here.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from goldpan.channels.gates import gate_slopes, layer_gates
from goldpan.channels.groups import ChannelGroup
from goldpan.types import Batch, Loss

PATHS = ("linear", "geometric")
TOGETHER = ("channel", "group", "network")
INTEGRALS = ("variation", "difference")

Walk = Mapping[str, Tensor]
"""Group name -> bools (size,): the channels whose gates move together."""


def singe(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    batches: Sequence[Batch],
    loss: Loss,
    *,
    steps: int = 10,
    path: str = "linear",
    ratio: float = 0.5,
    together: str = "group",
    integral: str = "variation",
) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by an integral of dL/dz along a path of gates z.

    Args:
        steps: pieces of the path; each walk along it takes as many passes of each batch.
        path: linear, z = 1 - k / steps; or geometric, z = ratio^k, which ends above 0.
        together: whose gates move in one walk: each channel's alone, those of a group, or all. The
            slope is each channel's own in any case.
        integral: variation, of |dL/dz|; or difference, |integral of dL/dz|.

    Raises:
        ValueError: if there is no such choice, or the numbers give no path.
    """
    for name, value, known in (("together", together, TOGETHER), ("integral", integral, INTEGRALS)):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}; got {value!r}")
    points = path_points(steps, path, ratio)
    signed = integral == "difference"
    found = attributions(model, groups, batches, loss, points, together=together, signed=signed)
    return {name: value.abs() for name, value in found.items()}


def path_points(steps: int, path: str, ratio: float) -> list[float]:
    """The gates along a path, from 1 down, `steps` + 1 of them.

    Raises:
        ValueError: if there is no such path, no step, or the ratio is outside (0, 1).
    """
    if path not in PATHS:
        raise ValueError(f"path must be one of {', '.join(PATHS)}; got {path!r}")
    if steps < 1 or not 0 < ratio < 1:
        raise ValueError(f"a path has steps >= 1 and 0 < ratio < 1; got {steps} and {ratio}")
    if path == "linear":
        return [1 - k / steps for k in range(steps + 1)]
    return [ratio**k for k in range(steps + 1)]


def attributions(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    batches: Sequence[Batch],
    loss: Loss,
    points: Sequence[float],
    *,
    together: str = "group",
    signed: bool = True,
) -> dict[str, Tensor]:
    """The integral of dL/dz, or of its size, over each channel's gate, (size,), by group.

    L is the mean over the batches. Signed attributions of channels that go together add up to the
    loss at the first point minus that at the last.
    """
    total = {group.name: torch.zeros(group.size) for group in groups}
    for walk in _walks(groups, together):
        moved = [group for group in groups if group.name in walk]
        for high, low in pairwise(points):
            z = (high + low) / 2
            factors = {group.name: torch.where(walk[group.name], z, 1.0) for group in moved}
            at = layer_gates(moved, factors, torch.device("cpu"))
            for name, slope in _slopes(model, moved, batches, loss, at).items():
                part = slope if signed else slope.abs()
                total[name] = total[name].to(slope) + (high - low) * part * walk[name].to(slope)
    return total


def _slopes(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    batches: Sequence[Batch],
    loss: Loss,
    at: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """dL/dz of the mean loss over the batches."""
    each = [gate_slopes(model, groups, batch, loss, at=at, how="eval") for batch in batches]
    return {group.name: torch.stack([one[group.name] for one in each]).mean(0) for group in groups}


def _walks(groups: Sequence[ChannelGroup], together: str) -> Iterator[Walk]:
    """The walks that reach each channel once."""
    whole = {group.name: torch.ones(group.size, dtype=torch.bool) for group in groups}
    if together == "network":
        yield whole
    elif together == "group":
        yield from ({name: every} for name, every in whole.items())
    else:
        for name, every in whole.items():
            yield from ({name: one} for one in torch.eye(len(every), dtype=torch.bool))
