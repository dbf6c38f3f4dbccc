"""How many weights a round of pruning keeps, where the schedule asks for no whole number of them.

A rounding takes the sparsity asked and the number of weights, and gives the sparsity at which a
whole number of them is kept. One weight more or less is amplified over the rounds: with another
rounding than its authors' SynFlow keeps other weights (intersection over union 0.75 at 98 %).
"""

import math


def nearest(sparsity: float, total: int) -> float:
    """The sparsity as asked: allocators keep the nearest whole number, as they always do."""
    return sparsity


def ceil(sparsity: float, total: int) -> float:
    """Keep ceil((1 - sparsity) total) weights, as the codes of SynFlow and NTK-SAP do."""
    return _keeping(math.ceil(_wanted(sparsity, total)), total)


def floor(sparsity: float, total: int) -> float:
    """Keep floor((1 - sparsity) total) weights, as FORCE's code does."""
    return _keeping(math.floor(_wanted(sparsity, total)), total)


def _wanted(sparsity: float, total: int) -> float:
    """The number of weights asked for; within 1e-6 of a whole number it is that number."""
    return round((1 - sparsity) * total, 6)


def _keeping(count: int, total: int) -> float:
    # A sparsity lies below 1, also where no weight is kept.
    return min(1 - count / total, math.nextafter(1.0, 0.0))
