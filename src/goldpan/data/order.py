"""Which images make up which batch: a function of seed, epoch and rank alone.

A run that is resumed at an epoch's start sees the batches that it would have seen undisturbed.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from goldpan.stream import stream

Request = tuple[int, Tensor]
"""The epoch, and the indices of one batch's images."""


class TrainOrder:
    """Shuffle all images (N,) in each epoch; each rank gets its share of each global batch.

    `batch_size` counts over all ranks. The last batch of an epoch is dropped if it is not whole.
    """

    def __init__(
        self, indices: Tensor, batch_size: int, seed: int, *, rank: int = 0, world: int = 1
    ) -> None:
        if batch_size % world:
            raise ValueError(
                f"expected a batch_size that the {world} processes share evenly, got {batch_size}; "
                f"try {batch_size // world * world or world}"
            )
        self.indices, self.batch_size, self.seed = indices, batch_size, seed
        self.rank, self.world = rank, world
        self.epoch = 0
        self.augmentation = torch.Generator()
        """What the augmentation of this rank draws from; begins anew with each epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch that the next iteration is about; Lightning calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.indices) // self.batch_size

    def __iter__(self) -> Iterator[Request]:
        # A generator's body runs at the first `next`, which is after Lightning's `set_epoch`.
        epoch = self.epoch
        self.augmentation.set_state(stream(self.seed, "augment", epoch, self.rank).get_state())
        shuffled = torch.randperm(len(self.indices), generator=stream(self.seed, "order", epoch))
        whole = shuffled[: len(self) * self.batch_size]
        for batch in whole.view(len(self), self.world, -1)[:, self.rank]:
            yield epoch, self.indices[batch]


def evaluation_order(
    indices: Tensor, batch_size: int, *, rank: int = 0, world: int = 1
) -> list[Request]:
    """Pass over all images (N,) once, in order; over the ranks no image is missing or twice.

    All ranks get the same number of batches, of which none is empty; the number of images in them
    differs by one at most, so metrics must be summed, not averaged, over ranks. Where ranks run out
    unevenly, a batch has one image more than `batch_size`.
    """
    if len(indices) < world:
        raise ValueError(
            f"expected at least one image to evaluate for each of the {world} processes, got "
            f"{len(indices)}; run fewer processes or hold out more images"
        )
    largest, smallest = -(-len(indices) // world), len(indices) // world
    batches = min(-(-largest // batch_size), smallest)
    return [(0, batch) for batch in indices[rank::world].tensor_split(batches)]
