"""Drop fractions: progress of the updates in [0, 1] -> fraction of kept weights to drop."""

from math import cos, pi


def constant(progress: float, *, start: float) -> float:
    """Always the same: SET's zeta, arXiv 1707.04780."""
    return start


def cosine(progress: float, *, start: float, end: float = 0.0) -> float:
    """end + (start - end) (1 + cos(pi progress)) / 2: RigL, arXiv 1911.11134, section 3(2)."""
    return end + (start - end) * (1 + cos(pi * progress)) / 2
