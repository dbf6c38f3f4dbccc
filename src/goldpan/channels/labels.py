"""Labels of channels: equal where channels must shrink together, pinned where they must stay.

Each index of a tensor's channels has a label. Labels that are tied count as one, by a union-find
(Tarjan, Efficiency of a good but not linear set union algorithm, JACM 22(2), 1975): each label
points to another of its set, and the one that points to itself, the root, stands for them all.
"""

from collections.abc import Sequence
from typing import TypeVar

from goldpan.channels.groups import FIXED, LOGITS

Labels = list[int]
"""The labels of a tensor's channels, in order."""

Key = TypeVar("Key")


class TiedLabels:
    """Labels, which of them are tied, and why some must stay."""

    def __init__(self) -> None:
        self.parents: list[int] = []  # label -> a label of its set, itself if it is the root
        self.pinned: dict[int, str] = {}  # label that must stay -> why

    def fresh(self, count: int) -> Labels:
        """New labels, each tied to none."""
        labels = list(range(len(self.parents), len(self.parents) + count))
        self.parents += labels
        return labels

    def root(self, label: int) -> int:
        """The label that stands for all that are tied to this one."""
        while self.parents[label] != label:
            # Point to the grandparent on the way (path halving), so that the next search is short.
            self.parents[label] = label = self.parents[self.parents[label]]
        return label

    def tie(self, *parts: Labels) -> Labels:
        """Tie the labels at the same index; returns the first part."""
        for labels in zip(*parts, strict=True):
            for label in labels:
                self.parents[self.root(label)] = self.root(labels[0])
        return parts[0]

    def pin(self, given: Sequence[Labels], width: int, why: str) -> Labels:
        """Make labels stay; returns `width` new ones, which stay too."""
        made = self.fresh(width)
        for label in (label for labels in (*given, made) for label in labels):
            explain(self.pinned, label, why)
        return made

    def reasons(self) -> dict[int, str]:
        """Root -> why its set must stay, for the sets of which any label is pinned."""
        reasons: dict[int, str] = {}
        for label, why in self.pinned.items():
            explain(reasons, self.root(label), why)
        return reasons


def explain(reasons: dict[Key, str], key: Key, why: str) -> None:
    """Say why something must stay; an operation that cannot be followed is told before all else."""
    if reasons.get(key, LOGITS) in FIXED:
        reasons[key] = why
