"""Learning-rate schedules: progress of the training in [0, 1] -> factor on the base rate.

Progress counts in whole epochs, as the papers step their rates; fractions instead of epochs keep
the shape of a recipe when its length changes.
"""

from collections.abc import Sequence
from math import cos, pi


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
