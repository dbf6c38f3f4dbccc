"""Has the network that pruning would leave settled? Compare it with those of the epochs before.

A network is told by what it keeps: group name -> bools (C,), True where the channel stays.

Early-bird tickets (You et al., ICLR 2020, arXiv 1909.11957) compare the channels by `hamming`, the
newest network with each of the 4 before: the least similarity is 0.9 or more.
When to Prune? (Shen et al., CVPR 2022, arXiv 2110.12007) compares the numbers of channels by
`counts`, equation 4: the mean over the r before is the Early Pruning Indicator.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

Kept = Mapping[str, Tensor]
"""Group name -> bools (C,), True where the channel stays."""


class Similarity(Protocol):
    """How alike two networks with the same groups are: 1 if the same, never below 0."""

    def __call__(self, one: Kept, other: Kept) -> float:
        """A number in [0, 1], the same in either order."""


def hamming(one: Kept, other: Kept) -> float:
    """The fraction of channels that both keep or both remove: 1 - the normalised Hamming distance.

    A quotient of whole numbers, so that 90 channels of 100 are exactly 0.9.
    """
    same = sum(int((kept == other[name]).sum()) for name, kept in one.items())
    return same / sum(len(kept) for kept in one.values())


def counts(one: Kept, other: Kept) -> float:
    """Psi = 1 - the mean over groups of d = |n1 - n2| / (n1 + n2); d is 0 where both keep none.

    It sees how many channels n a group keeps, not which.
    """
    numbers = [(int(kept.sum()), int(other[name].sum())) for name, kept in one.items()]
    distances = [abs(n1 - n2) / (n1 + n2) if n1 + n2 else 0.0 for n1, n2 in numbers]
    return 1 - sum(distances) / len(distances)


@dataclass(frozen=True)
class Watch:
    """When a series of networks counts as settled.

    The newest is compared with each of `earlier` before it; the `least` or the `mean` of the
    similarities is its stability. It has settled if that is at least `threshold`, and no lower than
    any of the `rising` stabilities before it, as far as there are any (interpretation: how When to
    Prune? treats the first few is unknown). With `untrained` the series begins before training.
    """

    similarity: Similarity
    earlier: int
    of: Literal["least", "mean"]
    threshold: float
    rising: int
    untrained: bool

    def stability(self, networks: Sequence[Kept]) -> float | None:
        """Of the last network of the series, or None if it has too few."""
        if len(networks) <= self.earlier:
            return None
        *before, newest = networks[-self.earlier - 1 :]
        found = [self.similarity(newest, other) for other in before]
        return min(found) if self.of == "least" else sum(found) / len(found)

    def settled(self, stabilities: Sequence[float | None]) -> bool:
        """Whether the last network has settled, from the stability of each so far."""
        newest = stabilities[-1]
        if newest is None or newest < self.threshold:
            return False
        before = stabilities[-self.rising - 1 : -1]
        return all(value is None or newest >= value for value in before)
