"""Two pieces of work timed in turn in one process; only their ratio is believed.

A machine's speed drifts by tens of percent within minutes. A ratio of neighbours in time does not,
and the order within a pair alternates (A B, B A), so that neither gains by going first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter

import torch

Work = Callable[[], object]

LEAST, MOST = 5, 200
"""Pairs of a comparison, whatever its budget."""


class Impossible(RuntimeError):
    """This machine cannot do what a row asks for; the sentence says why."""


@dataclass(frozen=True)
class Pairs:
    """What ours took and what the rival took, turn by turn; seconds, or what `unit` says.

    `note` is a sentence on how this was measured here.
    """

    ours: Sequence[float]
    rival: Sequence[float]
    unit: str = "s"
    note: str = ""


@dataclass(frozen=True)
class Spread:
    """The median of some values between their quartiles."""

    low: float
    median: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The quartiles of at least one value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Spread(low, middle, high)


def compare(
    ours: Work,
    rival: Work,
    budget: float,
    *,
    least: int = LEAST,
    warm: bool = True,
    device: torch.device | None = None,
    note: str = "",
) -> Pairs:
    """Time both in turn until `budget` seconds are over, at least `least` times.

    Args:
        warm: call both once before, since a first call is slower.
        device: what they run on; a GPU has to have ended before a clock is read.
    """
    if warm:
        ours()
        rival()
    pairs: list[tuple[float, float]] = []
    end = perf_counter() + budget
    while len(pairs) < least or (perf_counter() < end and len(pairs) < MOST):
        if len(pairs) % 2:
            second = seconds(rival, device)
            pairs.append((seconds(ours, device), second))
        else:
            first = seconds(ours, device)
            pairs.append((first, seconds(rival, device)))
    return Pairs([one for one, _ in pairs], [other for _, other in pairs], note=note)


def seconds(work: Work, device: torch.device | None = None) -> float:
    """What one call takes, the device's part included."""
    _wait(device)
    start = perf_counter()
    work()
    _wait(device)
    return perf_counter() - start


def _wait(device: torch.device | None) -> None:
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)
