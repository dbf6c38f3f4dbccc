"""The weights of the indices, and the sum or product of their scores.

Neural Network Panning, arXiv 2209.13378, read from the authors' code.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor

DIGITS = 6
"""Shares are rounded to so many digits, so that a common factor changes no mask by a bit."""


def normalise(weights: Sequence[float]) -> tuple[float, ...]:
    """The weights as shares of their sum, to six digits; all 0 stay 0.

    Raises ValueError if one is negative or not a finite number.
    """
    values = [float(weight) for weight in weights]
    if not all(0 <= value < math.inf for value in values):
        raise ValueError(f"weights of indices must be finite and >= 0, got {values}")
    total = sum(values)
    return tuple(round(value / total, DIGITS) if total else 0.0 for value in values)


def combine(
    scores: Mapping[str, Tensor], shares: Sequence[float], form: str, like: Tensor
) -> Tensor:
    """The form "sum" of share * z or "product" of z^share, (M,); zeros if no index has a share.

    `scores` are the z-scores (M,) of the indices whose share is not 0, in the order of `shares`;
    `like` is any row (M,) on their device.
    """
    if not any(shares):
        return torch.zeros_like(like, dtype=torch.float32)
    terms = zip([share for share in shares if share], scores.values(), strict=True)
    if form == "product":
        return torch.stack([z**share for share, z in terms]).prod(0)
    return sum((share * z for share, z in terms), start=torch.zeros(()))


def correlations(scores: Mapping[str, Tensor]) -> dict[str, float]:
    """Pearson's correlation of each two indices' scores, "one/other" in their order."""
    return {
        f"{one}/{other}": correlation(scores[one], scores[other])
        for one, other in combinations(scores, 2)
    }


def correlation(one: Tensor, other: Tensor) -> float:
    """Pearson's correlation of two rows of scores (M,); 0 if one is constant."""
    one, other = one - one.mean(), other - other.mean()
    scale = float(one.norm() * other.norm())
    return float(one @ other) / scale if scale else 0.0
