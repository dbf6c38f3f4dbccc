"""Calendars: at which training steps pruning is due, and how far it has progressed then."""

from collections.abc import Sequence

from goldpan.duration import Duration, Written
from goldpan.types import Calendar


def once(run_steps: int, epoch_steps: int, *, at: Written) -> Calendar:
    """Due once, before step `at`, with progress 1.

    Raises:
        ValueError: if `at` lies outside the run.
    """
    due = _inside(at, run_steps, epoch_steps)
    return lambda step: 1.0 if step == due else None


def every(
    run_steps: int, epoch_steps: int, *, interval: Written, begin: Written, end: Written
) -> Calendar:
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


def updates(
    run_steps: int,
    epoch_steps: int,
    *,
    interval: Written,
    begin: Written | None = None,
    end: Written = "1.0",
) -> Calendar:
    """Due each `interval` from `begin` (None: after the first interval) to `end`.

    The run's last step is never due: what grew there would not be trained. Progress is the fraction
    of the time from step 0 to `end` that has passed.

    Raises:
        ValueError: if no step is due, or `end` lies behind the run.
    """
    stride = max(1, Duration.parse(interval).steps(run_steps, epoch_steps))
    first = stride if begin is None else Duration.parse(begin).steps(run_steps, epoch_steps)
    last = Duration.parse(end).steps(run_steps, epoch_steps)
    if last > run_steps:
        raise ValueError(f"{end} is step {last}, behind a run of {run_steps} steps")
    if first > min(last, run_steps - 1):
        raise ValueError(
            f"masks would never be updated: each {interval} from step {first} to step {last} of a "
            f"run of {run_steps} steps; choose a shorter interval, or train for longer"
        )

    def due(step: int) -> float | None:
        inside = first <= step <= last and step < run_steps
        return step / last if inside and (step - first) % stride == 0 else None

    return due


def alternating(
    run_steps: int, epoch_steps: int, *, cut: Sequence[Written], free: Sequence[Written]
) -> Calendar:
    """Due with progress 1 at the points of `cut`, and with progress 0 at those of `free`.

    Raises:
        ValueError: if a point lies outside the run, or the last is not one of `cut`.
    """
    points = {_inside(text, run_steps, epoch_steps): 0.0 for text in free}
    points |= {_inside(text, run_steps, epoch_steps): 1.0 for text in cut}
    if not points or points[max(points)] != 1:
        raise ValueError(f"the last point must be one that cuts; got cut={cut} and free={free}")
    return points.get


def boundaries(
    run_steps: int, epoch_steps: int, *, first: Written, interval: Written, delay: Written = "0it"
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


def _inside(text: Written, run_steps: int, epoch_steps: int) -> int:
    step = Duration.parse(text).steps(run_steps, epoch_steps)
    if not 0 <= step < run_steps:
        raise ValueError(f"{text} is step {step}, outside a run of {run_steps} steps")
    return step
