"""goldpan's own datamodule, filled with random pixels of CIFAR's shape instead of a dataset."""

from types import SimpleNamespace
from typing import Any

import torch

from goldpan.data.datasets import Images
from goldpan.data.vision import VisionData


class RandomImages(VisionData):
    """`count` training images and a tenth as many to test on; nothing is downloaded.

    Everything but the reading is VisionData's: order, batches, augmentation, normalisation.
    """

    def __init__(self, count: int, batch_size: int, validation: float = 0.0) -> None:
        super().__init__("cifar10", batch_size=batch_size, validation=validation)
        self.count = count

    def _read(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.train, self.test = (
            Images(
                torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator),
                torch.arange(count) % 10,
            )
            for count in (self.count, self.count // 10)
        )
        self.class_names = tuple("abcdefghij")
        self._find_statistics(self.spec.mean or (), self.spec.std or (), self.train.images)
        self.image_size = 32


def without_trainer(data: RandomImages) -> RandomImages:
    """The datamodule as in training, where no Trainer is: its loader and augmentation work."""
    progress = SimpleNamespace(current=SimpleNamespace(processed=0))
    loop = SimpleNamespace(epoch_progress=progress)
    trainer: Any = SimpleNamespace(training=True, global_rank=0, world_size=1, fit_loop=loop)
    data.trainer = trainer
    data.setup("fit")
    return data
