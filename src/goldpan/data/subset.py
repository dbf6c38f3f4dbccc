"""A part of a dataset: some of its classes, or the first images of a shuffle.

A shuffle's first images let a small experiment use the very images of its authors.

SET's tutorial trains on 2,000 images of Fashion-MNIST and tests on 1,000: its code seeds numpy's
generator of 2011, shuffles the indices of the training file, goes on to shuffle those of the test
file, and takes the first of each. numpy keeps that generator's draws as they are for good (NEP 19).

*Interpretation:* the tutorial reads a file of its own, whose order is taken to be the original's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from goldpan.data.datasets import Images


@dataclass(frozen=True)
class Subset:
    """How many images of the training and of the test file are used, and the shuffle's seed."""

    train: int
    test: int
    seed: int = 0


def read_subset(options: Mapping[str, int] | None, name: str) -> Subset | None:
    """Make a subset of the options `train`, `test` and `seed`; ValueError for one of imagenet."""
    if options is None:
        return None
    if name == "imagenet":
        raise ValueError("expected no dataset.subset for imagenet; set dataset.limit instead")
    return Subset(**options)


def take_subset(subset: Subset, train: Images, test: Images) -> tuple[Images, Images]:
    """Return that many images of both splits, in the order of the shuffle.

    Raises:
        ValueError: if a split has fewer images.
    """
    generator = np.random.RandomState(subset.seed)
    return (
        _first(subset.train, "train", train, generator),
        _first(subset.test, "test", test, generator),
    )


def _first(count: int, name: str, split: Images, generator: np.random.RandomState) -> Images:
    if not 1 <= count <= len(split.labels):
        raise ValueError(
            f"expected dataset.subset.{name} between 1 and {len(split.labels)}, all images of that "
            f"split, got {count}"
        )
    order = np.arange(len(split.labels))
    generator.shuffle(order)
    chosen = torch.from_numpy(order[:count])
    return Images(split.images[chosen], split.labels[chosen])


def check_classes(classes: Sequence[int] | None, name: str) -> tuple[int, ...] | None:
    """The labels of the classes that are used; ValueError for one class, twins, or of imagenet."""
    if classes is None:
        return None
    if name == "imagenet":
        raise ValueError("expected no dataset.only_classes for imagenet; choose another dataset")
    if len(set(classes)) < max(2, len(classes)):
        raise ValueError(
            f"expected dataset.only_classes to name two classes or more, each once, got {classes}"
        )
    return tuple(classes)


def take_classes(classes: Sequence[int], split: Images, known: int) -> Images:
    """The images of these classes, in their order; classes[i] has the label i now.

    Raises:
        ValueError: if a class is none of the `known` ones.
    """
    if strange := [label for label in classes if not 0 <= label < known]:
        raise ValueError(
            f"expected dataset.only_classes between 0 and {known - 1}, the labels of this dataset, "
            f"got {strange[0]}"
        )
    found = split.labels[:, None] == torch.tensor(classes)
    chosen = found.any(1)
    return Images(split.images[chosen], found[chosen].int().argmax(1))
