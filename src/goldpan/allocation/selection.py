"""Select the k highest of many scores exactly; of equal scores the first ones.

The threshold is the k-th highest of up to 10^8 scores. After Floyd and Rivest, Algorithm 489, CACM
18(3), 1975: a sorted sample brackets it, and only the scores within the bracket are ordered. All
passes go block by block, so that memory is read once; 10 times as fast as torch.kthvalue.
On a GPU they are sorted there.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Values = NDArray[Any]
Places = NDArray[np.bool_]

BLOCK = 2**17
"""Scores at a time: half a megabyte, which stays in the processor's cache."""

SAMPLE = 2**16
"""Scores of the sorted sample; up to twice as many are sorted whole."""

DEVIATIONS = 4
"""Half the bracket's width, in standard deviations of a rank in the sample."""


def highest(scores: Tensor, count: int) -> Tensor:
    """A bool mask of the `count` highest of a flat tensor of scores, of ties the first ones.

    Raises:
        ValueError: if a score is not a number, or `count` is not between 0 and their number.
    """
    if scores.is_cuda:
        return by_sorting(scores.detach(), count)
    values: Values = scores.detach().numpy()
    (kept,) = _highest([values], [np.broadcast_to(True, values.shape)], values, count)
    return torch.from_numpy(kept)


def highest_among(
    allowed: Sequence[Tensor], scores: Sequence[Tensor], count: int
) -> tuple[Tensor, ...]:
    """Bool masks, of the scores' shapes, of the `count` highest of all where `allowed` is True.

    Scores elsewhere may be anything. Ties and errors are those of `highest`.
    """
    if scores[0].is_cuda:
        return by_sorting_among(allowed, scores, count)
    values: list[Values] = [score.detach().flatten().numpy() for score in scores]
    places: list[Places] = [mask.flatten().numpy() for mask in allowed]
    # numpy's compress: torch 2.15 takes ten times as long to gather by a mask, numpy's [] twice.
    ranked = [value.compress(place) for value, place in zip(values, places, strict=True)]
    kept = _highest(values, places, np.concatenate(ranked), count)
    pairs = zip(kept, allowed, strict=True)
    return tuple(torch.from_numpy(part).view_as(mask) for part, mask in pairs)


def by_sorting(scores: Tensor, count: int) -> Tensor:
    """What `highest` says, by a stable sort on the scores' own device."""
    _check(int(scores.isnan().count_nonzero()), len(scores), count)
    # + 0 makes -0.0 into 0.0: where their bits are sorted, the two are no ties.
    order = (scores + 0).argsort(descending=True, stable=True)
    return torch.zeros_like(scores, dtype=torch.bool).index_fill_(0, order[:count], True)


def by_sorting_among(
    allowed: Sequence[Tensor], scores: Sequence[Tensor], count: int
) -> tuple[Tensor, ...]:
    """What `highest_among` says, by a stable sort on the scores' own device."""
    places = torch.cat([mask.flatten() for mask in allowed])
    ranked = torch.cat([score.detach().flatten() for score in scores])[places]
    kept = places.masked_scatter(places, by_sorting(ranked, count))
    parts = kept.split([mask.numel() for mask in allowed])
    return tuple(part.view_as(mask) for part, mask in zip(parts, allowed, strict=True))


def _check(odd: int, total: int, count: int) -> None:
    if odd:
        raise ValueError(f"{odd} of {total} scores are not numbers")
    if not 0 <= count <= total:
        raise ValueError(f"can keep between 0 and {total} weights, got {count}")


def _highest(
    values: Sequence[Values], places: Sequence[Places], ranked: Values, count: int
) -> list[Places]:
    """Where the `count` highest of `ranked` are: the values at these places, in their order."""
    is_odd = any(np.isnan(block.max()) for block in _blocks(ranked))
    _check(np.isnan(ranked).sum() if is_odd else 0, len(ranked), count)
    if count in (0, len(ranked)):
        return [place & (count > 0) for place in places]
    threshold = _bracketed(ranked, len(ranked) - count)
    kept = [(value >= threshold) & place for value, place in zip(values, places, strict=True)]
    surplus = sum(int(np.count_nonzero(part)) for part in kept) - count
    for value, part in zip(reversed(values), reversed(kept), strict=True):
        surplus -= _drop_last(value, part, threshold, surplus)
    return kept


def _drop_last(values: Values, kept: Places, threshold: Any, surplus: int) -> int:
    """Keep up to `surplus` fewer of the values that equal the threshold, the last; how many."""
    dropped = 0
    for block, part in zip(_blocks(values, -1), _blocks(kept, -1), strict=True):
        if dropped == surplus:
            break
        ties = np.flatnonzero(part & (block == threshold))[-(surplus - dropped) :]
        part[ties] = False
        dropped += len(ties)
    return dropped


def _bracketed(values: Values, rank: int) -> Any:
    """The value that has `rank` others before it when all are sorted."""
    if len(values) <= 2 * SAMPLE:
        return np.sort(values)[rank]
    places = np.random.default_rng(0).integers(len(values), size=SAMPLE)  # no stride: layers repeat
    sample = np.sort(values[places])
    # Of m sampled values, m * share lie below the one that is sought, with the standard deviation
    # sqrt(m * share * (1 - share)) of a binomial. The bracket is that rank in the sample, give or
    # take DEVIATIONS of them; the 1 widens it where the share is near 0 or 1.
    share = rank / len(values)
    margin = DEVIATIONS * (1 + math.sqrt(len(sample) * share * (1 - share)))
    low = sample[max(0, int(share * len(sample) - margin))]
    high = sample[min(len(sample) - 1, int(share * len(sample) + margin))]
    upper, inside = 0, []
    for block in _blocks(values):
        below = block < high
        upper += int(np.count_nonzero(below))
        below &= block > low  # the bounds themselves may be millions of ties
        inside.append(block[below])
    middle = np.concatenate(inside)
    lower = upper - len(middle)  # that many values are at most `low`, and `upper` are below `high`
    if lower <= rank < upper:
        return np.partition(middle, rank - lower)[rank - lower]
    for bound in (low, high):
        if np.count_nonzero(values < bound) <= rank < np.count_nonzero(values <= bound):
            return bound
    # The sample missed: one case in ten thousand, by the 4 deviations.
    return torch.from_numpy(values).kthvalue(rank + 1).values.numpy()


def _blocks(values: Values, step: int = 1) -> Iterator[Values]:
    """Views of BLOCK values each, from the first or, with -1, from the last."""
    for start in range(0, len(values), BLOCK)[::step]:
        yield values[start : start + BLOCK]
