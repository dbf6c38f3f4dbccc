"""How long a forward pass takes, of several networks side by side in one process."""

from collections.abc import Mapping, Sequence
from statistics import median
from time import perf_counter

import torch
from torch import nn

from goldpan.gradients import mode

WARM_UP, REPEATS = 3, 15


def latencies(
    models: Mapping[str, nn.Module], shape: Sequence[int], batch: int
) -> dict[str, float]:
    """Milliseconds of one forward pass in eval mode on a batch of images (C, H, W), the median.

    The models take turns, so that what else the machine does meets all alike.
    """
    times: dict[str, list[float]] = {name: [] for name in models}
    with torch.inference_mode():
        for turn in range(WARM_UP + REPEATS):
            for name, model in models.items():
                device = next(model.parameters()).device
                images = torch.zeros(batch, *shape, device=device)
                with mode(model, training=False):
                    seconds = _time(model, images)
                if turn >= WARM_UP:
                    times[name].append(seconds)
    return {name: 1000 * median(values) for name, values in times.items()}


def _time(model: nn.Module, images: torch.Tensor) -> float:
    if images.is_cuda:
        torch.cuda.synchronize(images.device)
    start = perf_counter()
    model(images)
    if images.is_cuda:
        torch.cuda.synchronize(images.device)
    return perf_counter() - start
