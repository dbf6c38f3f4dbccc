"""How long a pass through a network takes, of several side by side in one process."""

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
    """Milliseconds of one forward pass in eval mode on a batch of images (C, H, W), the median.

    With `training` of a forward and a backward pass in train mode; the models then hold gradients.
    They take turns, so that what else the machine does meets all alike.
    """
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(warm_up + repeats):
        for name, model in models.items():
            parameter = next(model.parameters())
            images = torch.zeros(batch, *shape, device=parameter.device)
            with mode(model, training=training), torch.inference_mode(not training):
                seconds = _time(model, images)
            if turn >= warm_up:
                times[name].append(seconds)
    return {name: 1000 * median(values) for name, values in times.items()}


def _time(model: nn.Module, images: torch.Tensor) -> float:
    if images.is_cuda:
        torch.cuda.synchronize(images.device)
    start = perf_counter()
    logits = model(images)
    if logits.requires_grad:
        logits.square().mean().backward()
    if images.is_cuda:
        torch.cuda.synchronize(images.device)
    return perf_counter() - start
