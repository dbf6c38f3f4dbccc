"""Means of runs, and how far two of them may lie apart by chance.

B. L. Welch, "The generalization of Student's problem when several different population variances
are involved", Biometrika 34, 1947.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from statistics import mean, stdev
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Marks: TypeAlias = NDArray[np.bool_]

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


@dataclass(frozen=True)
class Spread:
    """Sample deviations, and of how many runs, an entry a cell; a deviation not known is NaN."""

    std: Array
    n: NDArray[np.signedinteger[Any]]


def spread(samples: Sequence[Sample]) -> Spread:
    """The deviations of some samples; where n is not known, the fewest runs that it could be.

    That is 2 where a deviation is known, and else 1.
    """
    std = np.array([nan if one.std is None else one.std for one in samples])
    fewest = np.where(np.isnan(std), 1, 2)
    return Spread(std, np.maximum(np.array([one.n or 0 for one in samples]), fewest))


@dataclass(frozen=True)
class Error:
    """The standard error of a difference of two means, and its degrees of freedom."""

    size: Array
    freedom: Array


def welch(first: Spread, second: Spread) -> Error:
    """Welch's error, of two deviations that may not be equal: with v = s^2 / n,

        sqrt(v1 + v2),  (v1 + v2)^2 / (v1^2 / (n1 - 1) + v2^2 / (n2 - 1)) degrees of freedom.

    Where one deviation is not known (one run, or not published), it is taken as equal to the other,
    whose degrees of freedom count alone. Where both are not known, neither is the error: NaN.
    """
    lacks_one, lacks_two = np.isnan(first.std), np.isnan(second.std)
    one = np.where(lacks_one, second.std, first.std) ** 2 / first.n
    two = np.where(lacks_two, first.std, second.std) ** 2 / second.n
    total = one + two
    below = one**2 / np.maximum(first.n - 1, 1) + two**2 / np.maximum(second.n - 1, 1)
    freedom = np.where(below > 0, total**2 / np.where(below > 0, below, 1.0), 1.0)
    freedom = np.where(lacks_one, second.n - 1, np.where(lacks_two, first.n - 1, freedom))
    return Error(np.sqrt(total), np.maximum(freedom, 1.0))


def student(first: Spread, second: Spread) -> Error:
    """Student's error, of one deviation that both samples share; NaN where neither says it."""
    freedoms = [np.where(np.isnan(one.std), 0, one.n - 1) for one in (first, second)]
    squares = [
        np.nan_to_num(one.std) ** 2 * freedom
        for one, freedom in zip((first, second), freedoms, strict=True)
    ]
    freedom = freedoms[0] + freedoms[1]
    shared = np.where(freedom > 0, (squares[0] + squares[1]) / np.maximum(freedom, 1), np.nan)
    return Error(np.sqrt(shared * (1 / first.n + 1 / second.n)), np.maximum(freedom, 1.0))
