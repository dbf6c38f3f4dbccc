"""How far two means may lie apart before the difference means something: Welch's test at 95 %.

B. L. Welch, "The generalization of Student's problem when several different population variances
are involved", Biometrika 34, 1947.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import mean, stdev

LEVEL = 0.95

TYPICAL_STD = 0.3
"""Points; between the medians at 90 % (0.25) and 99 % (0.32) of SynFlow's published curves."""

ROUNDING = 0.005
"""Points; published means have two decimals."""


@dataclass(frozen=True)
class Sample:
    """A mean of `n` runs with their sample standard deviation; None where it is not known."""

    mean: float
    std: float | None = None
    n: int | None = None

    def __str__(self) -> str:
        """Mean ± deviation, if it is known."""
        return f"{self.mean:.2f}" + (f" ± {self.std:.2f}" if self.std is not None else "")


def summarize(values: Sequence[float]) -> Sample:
    """The mean, deviation and number of some values; one value has no deviation."""
    return Sample(mean(values), stdev(values) if len(values) > 1 else None, len(values))


def band(ours: Sample, published: Sample) -> float:
    """The largest |difference| of two means, in points, that chance explains 19 times in 20.

    t * sqrt(s1^2 / n1 + s2^2 / n2), two-sided, plus half of the last published digit, where t is
    Student's quantile 0.975 at Welch's degrees of freedom,

        (s1^2 / n1 + s2^2 / n2)^2 / ((s1^2 / n1)^2 / (n1 - 1) + (s2^2 / n2)^2 / (n2 - 1)).

    What is not known is taken so that the band is rather wide than narrow:

    - n unknown: the fewest runs that it could be, 2 where a deviation is known and else 1.
    - One deviation unknown (one run, or not published): it is taken as equal to the other, and the
      degrees of freedom are those of the other alone; the band is a prediction interval then.
    - Both unknown: both are TYPICAL_STD and count as known, so t is the normal 1.96.
    """
    first, second = _size(ours), _size(published)
    if ours.std is None and published.std is None:
        return ROUNDING + _t(inf) * TYPICAL_STD * sqrt(1 / first + 1 / second)
    if ours.std is None or published.std is None:
        known, runs = (ours, first) if published.std is None else (published, second)
        return ROUNDING + _t(runs - 1) * (known.std or 0.0) * sqrt(1 / first + 1 / second)
    one, two = ours.std**2 / first, published.std**2 / second
    if one + two == 0:
        return ROUNDING
    freedom = (one + two) ** 2 / (one**2 / (first - 1) + two**2 / (second - 1))
    return ROUNDING + _t(freedom) * sqrt(one + two)


def _size(of: Sample) -> int:
    """The number of runs, or the fewest that it could be."""
    fewest = 1 if of.std is None else 2
    return fewest if of.n is None else max(of.n, fewest)


def _t(freedom: float) -> float:
    """Student's two-sided quantile."""
    from scipy.special import stdtrit  # a fifth of a second, only where something is judged

    return float(stdtrit(freedom, (1 + LEVEL) / 2))
