"""A schedule of one's own: from progress to sparsity."""

import math


def half_cosine(progress: float, *, target: float) -> float:
    """target * (1 - cos(pi * progress)) / 2: from 0 at progress 0 to the target at progress 1."""
    return target * (1 - math.cos(math.pi * progress)) / 2
