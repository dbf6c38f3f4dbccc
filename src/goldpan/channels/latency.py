"""Measure how long a batch takes to pass through networks, side by side in one process."""

from collections.abc import Mapping, Sequence
from statistics import median
from time import perf_counter

import torch
from torch import nn

from goldpan.gradients import mode

WARM_UP, REPEATS = 3, 15
LIMIT = 5.0  # seconds, after which no further turn begins


def latencies(
    models: Mapping[str, nn.Module],
    shape: Sequence[int],
    batch: int,
    *,
    training: bool = False,
    warm_up: int = WARM_UP,
    repeats: int = REPEATS,
    limit: float = LIMIT,
) -> dict[str, float]:
    """Time one pass of a batch through each network: its name -> milliseconds, the median.

    The networks take turns, so that other work of the machine slows all of them alike.

    Args:
        models: the networks, each on the device where it is to be timed.
        shape: that of one image, (C, H, W).
        batch: the number of images that pass at once.
        training: time a forward and a backward pass in train mode, which leaves gradients in the
            networks; else a forward pass in eval mode.
        warm_up: passes of each network that are not counted.
        repeats: passes of each network that are.
        limit: seconds after which no further pass begins, so that large networks end soon: then
            fewer passes count, but at least one of each network does, after one that does not.
    """
    times: dict[str, list[float]] = {name: [] for name in models}
    start = perf_counter()
    for turn in range(warm_up + repeats):
        if turn > 1 and perf_counter() - start > limit:
            break
        for name, model in models.items():
            parameter = next(model.parameters())
            images = torch.zeros(batch, *shape, device=parameter.device)
            with mode(model, training=training), torch.inference_mode(not training):
                times[name].append(_seconds(model, images))
    return {
        name: 1000 * median(values[min(warm_up, len(values) - 1) :])
        for name, values in times.items()
    }


def _seconds(model: nn.Module, images: torch.Tensor) -> float:
    """The time of one pass; a GPU works on after a call has returned, so it is waited for."""
    if images.is_cuda:
        torch.cuda.synchronize(images.device)
    start = perf_counter()
    logits = model(images)
    if logits.requires_grad:
        logits.square().mean().backward()
    if images.is_cuda:
        torch.cuda.synchronize(images.device)
    return perf_counter() - start
