"""Measure how long a batch takes to pass through networks, side by side in one process."""

from collections.abc import Mapping, Sequence
from statistics import median
from time import perf_counter

import torch
from torch import nn

from goldpan.gradients import mode

WARM_UP, REPEATS = 3, 15


def latencies(
    models: Mapping[str, nn.Module],
    shape: Sequence[int],
    batch: int,
    *,
    training: bool = False,
    warm_up: int = WARM_UP,
    repeats: int = REPEATS,
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
    """
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(warm_up + repeats):
        for name, model in models.items():
            parameter = next(model.parameters())
            images = torch.zeros(batch, *shape, device=parameter.device)
            with mode(model, training=training), torch.inference_mode(not training):
                seconds = _seconds(model, images)
            if turn >= warm_up:
                times[name].append(seconds)
    return {name: 1000 * median(values) for name, values in times.items()}


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
