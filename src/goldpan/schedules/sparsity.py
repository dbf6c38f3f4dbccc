"""Sparsity schedules: progress of the pruning in [0, 1] -> sparsity, ending at the target."""


def one_shot(progress: float, *, target: float) -> float:
    """The target at once."""
    return target


def linear(progress: float, *, target: float, initial: float = 0.0) -> float:
    """initial + (target - initial) * progress."""
    return initial + (target - initial) * progress


def cubic(progress: float, *, target: float, initial: float = 0.0) -> float:
    """target + (initial - target) * (1 - progress)^3.

    M. Zhu and S. Gupta, To prune, or not to prune, 2017, arXiv 1710.01878, equation 1.
    """
    return target + (initial - target) * (1 - progress) ** 3


def exponential(progress: float, *, target: float) -> float:
    """1 - (1 - target)^progress: each round keeps the same fraction of what is left.

    H. Tanaka et al., SynFlow, arXiv 2006.05467, algorithm 1.
    """
    return 1 - float((1 - target) ** progress) if progress < 1 else target
