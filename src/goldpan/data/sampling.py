"""Which images are drawn: by a scorer, by a validation split and by a limit on the data.

All draws come from `stream`, a generator that a key of numbers and words determines alone, so a
draw never depends on what was drawn before it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from goldpan.stream import stream

HOLD_OUT = ("balanced", "last", "random")
"""How a validation split is taken from the training images."""


@dataclass(frozen=True)
class Sampling:
    """How many images a scorer sees: `per_class` of each class, or `size` random ones.

    Raises ValueError when both or neither of `per_class` and `size` are given, or one is below 1.
    """

    per_class: int | None = None
    size: int | None = None
    batches: int = 1

    def __post_init__(self) -> None:
        if (self.per_class is None) == (self.size is None):
            raise ValueError(
                "expected either per_class or size images for scoring, got "
                f"per_class={self.per_class} and size={self.size}; set one and leave the other null"
            )
        for name in ("per_class", "size", "batches"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"expected {name} of at least 1 for scoring, got {value}")


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Return a random order of labels (N,) whose prefixes have each class as often as they can."""
    order, ranks, _ = _ranks_in_class(labels, generator)
    return order[torch.argsort(ranks, stable=True)]


def proportional_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Return a random order of labels (N,) whose prefixes have the classes in proportion."""
    order, ranks, counts = _ranks_in_class(labels, generator)
    return order[torch.argsort((ranks + 0.5) / counts, stable=True)]


def hold_out(
    labels: Tensor, share: float, seed: int, *, limit: int | None = None, kind: str = "balanced"
) -> tuple[Tensor, Tensor]:
    """Split the indices of labels (N,) into those kept and those held out, both sorted.

    Args:
        share: a fraction of the images as a float, or their number as an int.
        limit: only that many images are used at all, as many of each class.
        kind: balanced, a share of each class by `seed`; random, drawn by `seed`; last, those at the
            end of the file.
    """
    used = torch.arange(len(labels))
    if limit is not None:
        used = balanced_order(labels, stream(seed, "limit"))[:limit]
    generator = stream(seed, "validation")
    if kind == "last":
        order = used.sort(descending=True)[0]
    elif kind == "random":
        order = used[torch.randperm(len(used), generator=generator)]
    else:
        order = used[proportional_order(labels[used], generator)]
    count = share if isinstance(share, int) else round(share * len(order))
    return order[count:].sort()[0], order[:count].sort()[0]


def draw(labels: Tensor, sampling: Sampling, generator: torch.Generator) -> list[Tensor]:
    """Draw the index tensors of `sampling.batches` batches from labels (N,) int64.

    No image occurs twice in a batch, and none in two batches until the data cannot give another
    whole batch; from there on the images are drawn anew. Class-balanced batches are ordered so
    that each part of them is as balanced as it can be.

    Raises ValueError when a batch asks for more images than there are, of a class or at all.
    """
    if sampling.per_class is not None:
        size, at_once = _balanced_size(labels, sampling.per_class)
    else:
        size = _random_size(len(labels), sampling.size or 0)
        at_once = len(labels) // size
    batches: list[Tensor] = []
    while len(batches) < sampling.batches:
        if sampling.per_class is not None:
            order = balanced_order(labels, generator)
        else:
            order = torch.randperm(len(labels), generator=generator)
        batches.extend(order[: at_once * size].split(size))
    return batches[: sampling.batches]


def _ranks_in_class(labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Shuffle and group by class; the order, each image's number in its class, the class's size."""
    shuffled = torch.randperm(len(labels), generator=generator)
    order = shuffled[torch.argsort(labels[shuffled], stable=True)]
    counts, classes = labels.bincount(), labels[order]
    starts = counts.cumsum(0) - counts
    return order, torch.arange(len(labels)) - starts[classes], counts[classes]


def _balanced_size(labels: Tensor, per_class: int) -> tuple[int, int]:
    """The images of a batch, and how many batches the data can give before images come again."""
    counts = labels.bincount()  # torch.unique would sort them all
    classes = counts.nonzero().flatten()
    counts = counts[classes]
    smallest = int(counts.argmin())
    if per_class > counts[smallest]:
        raise ValueError(
            f"expected at least per_class={per_class} training images of every class for scoring, "
            f"got {int(counts[smallest])} of class {int(classes[smallest])}; lower per_class to "
            f"{int(counts[smallest])} or train on more data"
        )
    return per_class * len(classes), int(counts[smallest]) // per_class


def _random_size(available: int, size: int) -> int:
    if size > available:
        raise ValueError(
            f"expected at least size={size} training images for scoring, got {available}; "
            f"lower size to {available} or train on more data"
        )
    return size
