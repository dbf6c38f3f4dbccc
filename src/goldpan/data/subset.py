"""The first images of a shuffle, so that a small experiment uses the very images of its authors.

SET's tutorial trains on 2,000 images of Fashion-MNIST and tests on 1,000: its code seeds numpy's
generator of 2011, shuffles the indices of the training file, goes on to shuffle those of the test
file, and takes the first of each. numpy keeps that generator's draws as they are for good (NEP 19).

*Interpretation:* the tutorial reads a file of its own, whose order is taken to be the original's.
"""

from collections.abc import Mapping
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
