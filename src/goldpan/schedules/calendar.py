"""Calendars: at which training steps pruning is due, and how far it has progressed then."""

from goldpan.duration import Duration
from goldpan.types import Calendar


def once(run_steps: int, epoch_steps: int, *, at: str) -> Calendar:
    """Due once, before step `at`, with progress 1.

    Raises:
        ValueError: if `at` lies outside the run.
    """
    due = _inside(at, run_steps, epoch_steps)
    return lambda step: 1.0 if step == due else None


def every(run_steps: int, epoch_steps: int, *, interval: str, begin: str, end: str) -> Calendar:
    """Due each `interval` (a step at least) from `begin` up to `end`, and at `end` itself.

    Raises:
        ValueError: if begin or end lies outside the run, or the end is not after the beginning.
    """
    first, last = (_inside(text, run_steps, epoch_steps) for text in (begin, end))
    if first >= last:
        raise ValueError(f"pruning begins before it ends, got {begin} to {end}: {first} to {last}")
    stride = max(1, Duration.parse(interval).steps(run_steps, epoch_steps))

    def due(step: int) -> float | None:
        if first <= step < last and (step - first) % stride == 0:
            return (step - first) / (last - first)
        return 1.0 if step == last else None

    return due


def boundaries(
    run_steps: int, epoch_steps: int, *, first: str, interval: str, delay: str = "0it"
) -> Calendar:
    """Due at `first` and each `interval` (a step at least) after it, as long as the run lasts.

    With `delay` all are due so much later. A callback that acts behind its step, and so before the
    validation of the epoch that the step ends, acts in the phase that begins if it is 1it late.
    Progress rises from 0 at the first to less than 1. Raises ValueError if the first lies outside
    the run.
    """
    late = Duration.parse(delay).steps(run_steps, epoch_steps)
    begin = _inside(first, run_steps, epoch_steps) + late
    stride = max(1, Duration.parse(interval).steps(run_steps, epoch_steps))

    def due(step: int) -> float | None:
        if begin <= step < run_steps and (step - begin) % stride == 0:
            return (step - begin) / (run_steps - begin)
        return None

    return due


def _inside(text: str, run_steps: int, epoch_steps: int) -> int:
    step = Duration.parse(text).steps(run_steps, epoch_steps)
    if not 0 <= step < run_steps:
        raise ValueError(f"{text} is step {step}, outside a run of {run_steps} steps")
    return step
