"""The threshold that polarized scales show by themselves: the first valley of their histogram.

T. Zhuang et al., Neuron-level Structured Pruning using Polarization Regularizer, NeurIPS 2020,
algorithm 1, with 100 bins over [0, 1]. A valley, as in the authors' code, is the first bin that
holds no more than the bin before and no more than the bin after; the threshold is its left edge.

Differs from the authors' code: one threshold serves the whole network, theirs one each layer; they
refuse one above 0.1; and where it removes nothing or everything, here that is refused.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

BINS = 100


def fraction_below_valley(scores: Mapping[str, Tensor]) -> float:
    """The fraction of channels at or below the first valley of all scores, in (0, 1).

    Raises:
        ValueError: if that is none of the channels, or all.
    """
    flat = torch.cat(list(scores.values())).double().cpu().numpy()
    threshold = first_valley(np.histogram(flat, BINS, (0, 1))[0].tolist()) / BINS
    below = int((flat <= threshold).sum())
    if below in (0, len(flat)):
        raise ValueError(
            f"the first valley of the scales, at {threshold:g}, has {below} of {len(flat)} "
            "channels below it, so the penalty has not parted them; train longer, choose another "
            "method.penalty.strength or .t, or method.channels.threshold=ratio"
        )
    return below / len(flat)


def first_valley(counts: list[int]) -> int:
    """The number of the bin that is the first valley of a histogram, from 0; 0 if it has none."""
    for place in range(1, len(counts) - 1):
        if counts[place - 1] >= counts[place] <= counts[place + 1]:
            return place
    return 0
