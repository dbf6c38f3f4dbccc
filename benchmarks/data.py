"""Row 5: batches of augmented images, from bytes in memory."""

from collections.abc import Iterable
from functools import partial

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.in_memory import RandomImages, without_trainer
from benchmarks.measure import Pairs, compare
from benchmarks.rows import Row, at_least
from benchmarks.workloads import BATCH

IMAGES = 10_000


class OneByOne(Dataset[tuple[Tensor, int]]):
    """Images in memory as torchvision's CIFAR10 has them: one is a PIL image, then a tensor."""

    def __init__(self, data: RandomImages) -> None:
        every = torch.arange(len(data.train.labels))
        self.images = data.train.batch(every).permute(0, 2, 3, 1).contiguous().numpy()
        self.labels = data.train.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(data.mean, data.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def plain_loader(data: RandomImages, workers: int) -> DataLoader[tuple[Tensor, int]]:
    """The loader of most training scripts; its workers stay from epoch to epoch."""
    return DataLoader(
        OneByOne(data),
        BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def ours(data: RandomImages, device: torch.device) -> Iterable[tuple[Tensor, Tensor]]:
    """An epoch of goldpan's batches on the device."""
    for images, labels in data.train_dataloader():
        yield data.on_after_batch_transfer((images.to(device), labels.to(device)), 0)


def theirs(
    loader: DataLoader[tuple[Tensor, int]], device: torch.device
) -> Iterable[tuple[Tensor, Tensor]]:
    """An epoch of the plain loader's batches on the device."""
    for images, labels in loader:
        yield images.to(device), labels.to(device)


def epoch(workers: int, device: torch.device) -> Pairs:
    """All batches of an epoch, thrown away."""
    data = without_trainer(RandomImages(IMAGES, BATCH), device)
    loader = plain_loader(data, workers)

    def drain(batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        for _ in batches:
            pass

    pairs = compare(
        lambda: drain(ours(data, device)), lambda: drain(theirs(loader, device)), 7, device=device
    )
    return Pairs(pairs.ours, pairs.rival, note=f"{_rate(pairs.ours)} images/s.")


def _rate(taken: Iterable[float]) -> str:
    return f"{IMAGES // BATCH * BATCH / sorted(taken)[len(list(taken)) // 2]:,.0f}"


ROWS = [
    Row(
        5,
        f"augmentation-{workers}-workers",
        f"{IMAGES:,} images of CIFAR's shape cropped, flipped, normalised, in batches of {BATCH}",
        f"torchvision's transforms image by image, DataLoader, {workers} workers",
        at_least(bound),
        "Data in memory needs no workers, which would take the training's cores.",
        partial(epoch, workers),
        gpu=True,
    )
    for workers, bound in ((0, 25), (2, 18))
]
