"""The k highest of many scores, exactly, equal scores in order of their index."""

import torch
from torch import Tensor


def highest(scores: Tensor, count: int) -> Tensor:
    """A bool mask of the `count` highest of a flat tensor of scores, of ties the first ones.

    Raises:
        ValueError: if a score is not a number, or `count` is not between 0 and their number.
    """
    if scores.isnan().any():
        raise ValueError(f"{int(scores.isnan().sum())} of {scores.numel()} scores are not numbers")
    if not 0 <= count <= scores.numel():
        raise ValueError(f"can keep between 0 and {scores.numel()} weights, got {count}")
    if count in (0, scores.numel()):
        return torch.full_like(scores, count > 0, dtype=torch.bool)
    threshold = scores.kthvalue(scores.numel() - count + 1).values
    kept = scores > threshold
    ties = (scores == threshold).nonzero().flatten()
    kept[ties[: count - int(kept.sum())]] = True
    return kept
