"""Whether paired differences are zero on average, and several such tests together."""

from collections.abc import Sequence
from math import nan, sqrt
from statistics import fmean, stdev

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.05
"""Of each test."""


def paired(differences: Sequence[float], step: float) -> tuple[float, float, float, float]:
    """The mean of paired differences, the ends of its 95 % interval, and the p-value of zero.

    Ends and p-value are NaN for one difference. The deviation is at least `step`, the smallest
    difference that can be measured: two pairs that differ by the same number are no certainty.
    """
    from scipy.stats import t

    n, mean = len(differences), fmean(differences)
    if n < 2:
        return mean, nan, nan, nan
    error = max(stdev(differences), step) / sqrt(n)
    low, high = t.interval(1 - LEVEL, n - 1, mean, error)
    return mean, float(low), float(high), float(2 * t.sf(abs(mean) / error, n - 1))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """The p-values along the last axis, corrected for their number by Holm's step-down method.

    One that is not known, NaN, counts as 1.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.
    """
    p = np.nan_to_num(np.asarray(p_values, dtype=float), nan=1.0)
    order = np.argsort(p, axis=-1)
    ranked = np.take_along_axis(p, order, -1) * np.arange(p.shape[-1], 0, -1)
    corrected: NDArray[np.float64] = np.empty_like(p)
    np.put_along_axis(corrected, order, np.maximum.accumulate(ranked, axis=-1), -1)
    return corrected.clip(max=1.0)
