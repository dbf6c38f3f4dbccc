"""Loaders of whole batches: from memory at once, or from image files by worker processes."""

from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader

from goldpan.data.datasets import Images
from goldpan.data.image_files import ImageFiles
from goldpan.data.order import Request, TrainOrder
from goldpan.types import Batch


class MemoryLoader:
    """Gives batches of uint8 images and labels from memory, in the order's order, where they lie.

    Not a DataLoader on purpose: cutting a batch out of one array takes 50 microseconds, so workers
    could only slow it down, and Lightning would ask for them on every machine of many cores.
    """

    batch_sampler = None  # where Lightning looks for shuffling before it looks at `sampler`

    def __init__(self, split: Images, order: TrainOrder | list[Request]) -> None:
        self.split, self.sampler = split, order

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Batch]:
        batches = [indices for _, indices in self.sampler]
        # On a GPU one copy a pass: before a copy a batch the processor would wait for the GPU.
        places = torch.cat(batches).to(self.split.labels.device)
        for indices in places.split([len(batch) for batch in batches]):
            yield self.split.batch(indices), self.split.labels.index_select(0, indices)


Loader = MemoryLoader | DataLoader[Batch]

RESIDENT = 2**30
"""Bytes of a split's images that may stay on a GPU; CIFAR-10's training images are 0.15 of it."""


def bring_near(split: Images | ImageFiles, device: torch.device) -> Images | ImageFiles:
    """Return the split on the device that trains, unless it is read from files or too large."""
    if isinstance(split, Images) and split.images.nbytes <= RESIDENT:
        return split.to(device)
    return split


def build_loader(
    split: Images | ImageFiles, order: TrainOrder | list[Request], workers: int
) -> Loader:
    """Return the loader that suits the split: for files, one whose workers decode whole batches."""
    if isinstance(split, Images):
        return MemoryLoader(split, order)
    return DataLoader(
        split,
        sampler=order,
        batch_size=None,  # the order gives whole batches
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )
