"""goldpan's own datamodule, filled with random pixels of a dataset's shape instead of its own."""

from types import SimpleNamespace
from typing import Any

import torch

from goldpan.data.datasets import Images
from goldpan.data.vision import VisionData

PIXELS = {"cifar10": 32, "mnist": 28}


class RandomImages(VisionData):
    """`count` training images and `test` to test on, a tenth as many; nothing is downloaded.

    Everything but the reading is VisionData's: order, batches, augmentation, normalisation.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        validation: float = 0.0,
        *,
        name: str = "cifar10",
        test: int | None = None,
    ) -> None:
        super().__init__(name, batch_size=batch_size, validation=validation)
        self.counts = count, count // 10 if test is None else test

    def _read(self) -> None:
        generator, pixels = torch.Generator().manual_seed(0), PIXELS[str(self.name)]
        shape = len(self.spec.mean or ()), pixels, pixels
        self.train, self.test = (
            Images(
                torch.randint(256, (count, *shape), dtype=torch.uint8, generator=generator),
                torch.arange(count) % 10,
            )
            for count in self.counts
        )
        self.class_names = tuple("abcdefghij")
        self._find_statistics(self.spec.mean or (), self.spec.std or (), self.train.images)
        self.image_size = pixels


def without_trainer(data: RandomImages, device: torch.device) -> RandomImages:
    """The datamodule as in training, where no Trainer is: its loader and augmentation work."""
    progress = SimpleNamespace(current=SimpleNamespace(processed=0))
    trainer: Any = SimpleNamespace(
        training=True,
        global_rank=0,
        world_size=1,
        fit_loop=SimpleNamespace(epoch_progress=progress),
        strategy=SimpleNamespace(root_device=device),
    )
    data.trainer = trainer
    data.setup("fit")
    return data
