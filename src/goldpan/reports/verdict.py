"""What the runs say of a published number: it agrees, it differs, or they are too few to tell.

**Agrees** is shown, not assumed. Two one-sided tests (Schuirmann 1987) reject, at 5 % each, that
our mean lies a margin or more below or above the published one; the same is said by a 90 %
confidence interval of the difference that lies within the margin. **Differs** is Welch's two-sided
test (and Student's), significant at 5 % after Holm's correction (1979) over all judged cells of the
table, where the cell does not agree: a difference that is real but smaller than the margin is no
failure.
**Undecided** is all else.

The margin is fixed before any run. MARGIN is for accuracies in percent: three times TYPICAL_STD,
in whole points. A smaller difference is within what one run differs from the next, and nobody who
trains one network could see it; the differences of methods that these papers build on at high
sparsity are larger. A table with other noise says its own `margin`, and why.

A cell without any deviation (one run of ours, none published) is never judged by a guessed one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from goldpan.differences import LEVEL, holm
from goldpan.reports.samples import (
    ROUNDING,
    Array,
    Error,
    Marks,
    Sample,
    Spread,
    spread,
    student,
    welch,
)

POWER = 0.8
"""How surely the seeds that a cell asks for decide it."""

MOST_SEEDS = 50
"""More are not asked for."""

TYPICAL_STD = 0.3
"""Points; between the medians at 90 % (0.25) and 99 % (0.32) of SynFlow's published curves."""

PRIOR = 4
"""Degrees of freedom by which the typical deviation counts in plans; no test takes it."""

MARGIN = 1.0
"""Points of accuracy; see above."""

MARGIN_REASON = f"three times the typical deviation of one run ({TYPICAL_STD} points), rounded up"

Answer = Literal["agrees", "differs", "undecided"]
Pair = tuple[Sample, Sample]
"""Ours, and the published."""


@dataclass(frozen=True)
class Judgement:
    """What a cell says: its answer, the 90 % interval of its difference (points), and why.

    There is no interval where no deviation is known.

    `p_equal` is the p-value of no difference, after Holm; `p_beyond` that of the two one-sided
    tests. `more` seeds would decide an undecided cell; None if MOST_SEEDS would not either.
    """

    answer: Answer
    interval: tuple[float, float] | None
    p_equal: float
    p_beyond: float
    more: int | None = None

    def __str__(self) -> str:
        """The interval and the answer, with how many more seeds would decide."""
        mark = "≠ " if self.answer == "differs" else ""
        more = f" (+{self.more} seeds)" if self.more else ""
        ends = [f"[{self.interval[0]:+.2f}, {self.interval[1]:+.2f}]"] if self.interval else []
        return " ".join([*ends, f"{mark}{self.answer}{more}"])


@dataclass(frozen=True)
class PValues:
    """The p-values of cells; the last axis is the cells of one table.

    `equal`: no difference, after Holm. `beyond`: a difference of the margin or more.
    """

    equal: Array
    beyond: Array

    @property
    def agree(self) -> Marks:
        """Which cells agree."""
        return self.beyond <= LEVEL

    @property
    def differ(self) -> Marks:
        """Which cells differ."""
        return (self.equal <= LEVEL) & ~self.agree


def run_tests(difference: Array, ours: Spread, published: Spread, margin: float) -> PValues:
    """Test differences both ways; each may be off by half of the last published digit.

    A difference has to be significant by Student's test too: with few published runs and many of
    ours, Welch's rejects far too often at the small levels of Holm's correction (in 10 of 100 true
    tables of 61 cells with 50 seeds), where Student's is exact for runs of one distribution.
    """
    from scipy.special import stdtr  # a fifth of a second, only where something is judged

    size = np.abs(difference)
    errors = welch(ours, published), student(ours, published)
    beyond = stdtr(errors[0].freedom, -(margin - size - ROUNDING) / floor(errors[0]))
    equal = [
        2 * stdtr(error.freedom, -np.maximum(size - ROUNDING, 0) / floor(error)) for error in errors
    ]
    both = np.nan_to_num(np.maximum(*equal), nan=1.0)
    return PValues(holm(both), np.nan_to_num(beyond, nan=1.0))


def floor(error: Error) -> Array:
    """The error, a little above zero where all runs are equal."""
    return np.maximum(error.size, 1e-9)


def judge(pairs: Sequence[Pair], margin: float) -> list[Judgement]:
    """Judge all cells of a table together."""
    from scipy.special import stdtrit

    ours, published = ([pair[side] for pair in pairs] for side in (0, 1))
    difference = np.array([one.mean - other.mean for one, other in pairs])
    spreads = spread(ours), spread(published)
    found, error = run_tests(difference, *spreads, margin), welch(*spreads)
    half = stdtrit(error.freedom, 1 - LEVEL) * error.size + ROUNDING
    columns = (pairs, found.agree, found.differ, difference, half, found.equal, found.beyond)
    return [
        Judgement(
            "agrees" if agrees else "differs" if differs else "undecided",
            None if np.isnan(reach) else (float(middle - reach), float(middle + reach)),
            float(equal),
            float(beyond),
            None if agrees or differs else more_seeds(pair, margin, len(pairs)),
        )
        for pair, agrees, differs, middle, reach, equal, beyond in zip(*columns, strict=True)
    ]


def more_seeds(pair: Pair, margin: float, cells: int) -> int | None:
    """How many more seeds would decide a cell in four cases of five; None if too many.

    Within the margin it is the number that shows a true difference of zero to be so, beyond it the
    one that shows the observed difference, at Holm's first and strictest level.
    """
    from scipy.special import stdtrit

    ours, published = pair
    have = ours.n or 1
    n = np.arange(have + 1, max(have, MOST_SEEDS) + 2)
    error = welch(Spread(np.full(n.shape, likely_std(pair)), n), spread([published]))
    size = abs(ours.mean - published.mean)
    if size < margin:
        sure, room = (1 - LEVEL, (1 + POWER) / 2), margin
    else:
        sure, room = (1 - LEVEL / 2 / cells, POWER), size
    enough = sum(stdtrit(error.freedom, one) for one in sure) * error.size <= room - ROUNDING
    return int(n[np.argmax(enough)]) - have if enough.any() else None


def likely_std(pair: Pair, typical: float = TYPICAL_STD) -> float:
    """The deviation of a run (points) to plan with: both samples', drawn towards a typical one.

    Each counts by its degrees of freedom, and the typical as PRIOR: what two seeds show is little.
    """
    known = [(one.std, max((one.n or 2) - 1, 1)) for one in pair if one.std is not None]
    squares = PRIOR * typical**2 + sum(std**2 * freedom for std, freedom in known)
    return float(np.sqrt(squares / (PRIOR + sum(freedom for _, freedom in known))))
