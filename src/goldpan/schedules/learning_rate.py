"""Learning-rate schedules: progress of the training in [0, 1] -> factor on the base rate.

Progress counts in whole epochs, as most papers step their rates, or in steps: `recipe.rate_moves`.
Fractions of the training keep the shape of a recipe when its length changes.
"""

from collections.abc import Callable, Sequence
from math import cos, pi

from goldpan.duration import Duration, Written


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


def steps(progress: float, *, milestones: Sequence[float], factor: float = 0.1) -> float:
    """factor ** (the number of milestones passed), milestones as fractions of the training."""
    passed = sum(progress >= milestone - 1e-9 for milestone in milestones)
    return float(factor**passed)


def cosine(progress: float) -> float:
    """(1 + cos(pi * progress)) / 2, from 1 down to 0."""
    return (1 + cos(pi * progress)) / 2


def warmed(progress: float, *, schedule: Callable[[float], float], warm_up: float) -> float:
    """The schedule's factor, times progress / warm_up until the fraction `warm_up` has passed."""
    return schedule(progress) * (progress / warm_up if progress < warm_up else 1.0)


def as_fractions(milestones: Sequence[Written], run_steps: int, epoch_steps: int) -> list[float]:
    """Milestones such as 25000it, 80ep or 0.5 as fractions of a training of `run_steps`.

    One behind its end is never reached, as in a short run of a long recipe.

    Raises:
        ValueError: if one is no duration, or they do not rise.
    """
    times = [Duration.parse(one) for one in milestones]
    found = [
        time.amount if time.unit == "run" else time.steps(run_steps, epoch_steps) / run_steps
        for time in times
    ]
    if found != sorted(found):
        raise ValueError(
            f"recipe.learning_rate.milestones rise; got {list(milestones)}, which in this training "
            f"of {run_steps} steps are {', '.join(f'{one:.4g}' for one in found)} of it"
        )
    return found


def cycles(
    progress: float,
    *,
    exploration: float,
    refinement: float,
    phases: int,
    factors: Sequence[float] = (0.1, 0.01),
) -> float:
    """1 while the training explores; then each phase falls through `factors`, in equal parts.

    S. Liu et al., FreeTickets, ICLR 2022, arXiv 2106.14568 (its code's main_EDST.py): 150 epochs at
    the base rate .1, then three phases of 100, half at .01 and half at .001. `exploration` and
    `refinement` are the lengths of the first part and of a phase in any unit, such as epochs:
    together they are the whole training, so that a shorter one has the same shape.
    """
    position = progress * (exploration + phases * refinement) - exploration
    if position < -1e-9 * refinement:
        return 1.0
    within = (position / refinement + 1e-9) % 1
    return float(factors[int(within * len(factors))])
