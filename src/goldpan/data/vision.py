"""The one datamodule: any image dataset, split, drawn from and augmented the same way."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from goldpan.data.augment import random_crop, random_flip
from goldpan.data.checks import (
    check_batches,
    check_images,
    check_limit,
    check_options,
    check_words,
)
from goldpan.data.datasets import Images, Source, find_spec
from goldpan.data.image_files import ImageFiles, read_imagenet
from goldpan.data.in_memory import find_in_memory, keep_in_memory
from goldpan.data.loaders import Loader, bring_near, build_loader
from goldpan.data.normalization import find_statistics, normalize_by
from goldpan.data.order import TrainOrder, evaluation_order
from goldpan.data.readers import read_splits
from goldpan.data.sampling import Sampling, draw
from goldpan.data.sampling import hold_out as hold_images_out
from goldpan.data.subset import check_classes, read_subset, take_classes, take_subset
from goldpan.stream import stream
from goldpan.types import Batch


class VisionData(pl.LightningDataModule):
    """Training, validation and test images; after `load` its sizes and shapes are attributes.

    Batches leave it as float32 (N, C, H, W), normalised, and for training randomly cropped and
    flipped, all on the device. Order and augmentation in an epoch depend on (seed, epoch, rank)
    alone. The last incomplete training batch of an epoch is dropped.

    Args:
        name: one of `goldpan.data.datasets.SPECS`.
        root: the data folder; of image_folder, the folder or archive itself.
        batch_size: training images in a step over all processes.
        eval_batch_size: validation or test images in a step of one process.
        validation: fraction of the training images held out, or their number if it is an int.
        hold_out: which ones, one of `goldpan.data.sampling.HOLD_OUT`.
        seed: of the split, the order and the augmentation.
        split_seed: of the limit and the split instead, so that runs with other seeds hold out the
            same images.
        limit: keep only that many training images, class-balanced; the test split stays whole.
        size: pixels that images are scaled to, for datasets of image files.
        cache: the folder for decoded image files.
        mirrors: download addresses tried before the known ones; the file's name is added to each.
        workers: processes that read imagenet; everything else is in memory and needs none.
        flip, padding: other than the dataset's own augmentation: mirror left to right; pixels of
            black around an image before it is cropped at random.
        normalization: one of `goldpan.data.normalization.KINDS`.
        subset: `train`, `test` and `seed`: use only that many images, the first of a shuffle.
        only_classes: use only the images of the classes with these labels, as labels 0, 1, ...
    """

    image_shape: tuple[int, int, int]
    """(C, H, W) of one image, as `channels` and `image_size` also say."""

    known_classes: int
    """The classes of the dataset, whichever are used; imagenet's are all used."""

    def __init__(
        self,
        name: str,
        root: str = "data",
        *,
        batch_size: int,
        eval_batch_size: int = 1000,
        validation: float = 0.1,
        seed: int = 0,
        split_seed: int | None = None,
        augment: bool = True,
        limit: int | None = None,
        size: int | None = None,
        cache: str = "data/cache",
        mirrors: Sequence[str] | None = None,
        workers: int = 0,
        flip: bool | None = None,
        padding: int | None = None,
        normalization: str = "channel",
        hold_out: str = "balanced",
        subset: Mapping[str, int] | None = None,
        only_classes: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.spec = find_spec(name)
        counts = {"batch_size": batch_size, "eval_batch_size": eval_batch_size, "limit": limit}
        check_options(self.spec, validation, size, **counts, workers=workers, padding=padding)
        check_words(normalization, hold_out)
        self.name, self.root = name, Path(root)
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.validation, self.seed, self.augment = validation, seed, augment
        self.split_seed = seed if split_seed is None else split_seed
        self.limit, self.size, self.workers = limit, size, workers
        self.normalization, self.hold_out = normalization, hold_out
        self.subset = read_subset(subset, name)
        self.only_classes = check_classes(only_classes, name)
        self.flip = self.spec.flip if flip is None else flip
        self.padding = self.spec.padding if padding is None else padding
        self.splits = ("val", "test") if validation else ("test",)
        files = self.root.absolute(), Path(cache).absolute()
        self.source = Source(self.spec, *files, size, tuple(mirrors or ()))
        self.loaded = False

    def keep_in_memory(self) -> None:
        """Read the images into memory for every datamodule of this process and of its forks.

        imagenet is never in memory: its files are read when they are used. Raises as `load`.
        """
        if self.name != "imagenet":
            keep_in_memory(self.source)

    def load(self) -> None:
        """Read and check the data, once; fetch or decode it first if that was not done before.

        Raises FileNotFoundError when it is not there and cannot be downloaded, ValueError when an
        image is broken or of another size, or the splits are too small for the options.
        """
        if self.loaded:
            return
        self._read()
        self.classes = len(self.class_names)
        labels = self.train.labels
        check_images(self.root, self.classes, len(labels), len(self.test.labels))
        check_limit(self.limit, self.classes, len(labels))
        self.train_indices, self.validation_indices = hold_images_out(
            labels, self.validation, self.split_seed, limit=self.limit, kind=self.hold_out
        )
        numbers = len(self.train_indices), len(self.validation_indices)
        check_batches(self.batch_size, self.validation, *numbers)
        self.image_shape = (self.channels, self.image_size, self.image_size)
        self.steps_per_epoch = len(self.train_indices) // self.batch_size
        self._statistics = torch.tensor([self.mean, self.std])
        self.near: tuple[Images | ImageFiles, Images | ImageFiles] = (self.train, self.test)
        self.loaded = True

    def describe(self) -> dict[str, Any]:
        """Return what a run's record says of its data; splits in numbers of images."""
        self.load()
        return {
            "name": self.name,
            "classes": self.classes,
            "image_shape": list(self.image_shape),
            "train": len(self.train_indices),
            "validation": len(self.validation_indices),
            "test": len(self.test.labels),
            "normalization": self.normalization,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    def overview(self) -> str:
        """Classes, images of each, size, channels and split, in two lines for a reader."""
        self.load()
        channels, height, width = self.image_shape
        labels = torch.cat([self.train.labels, self.test.labels])
        counts = labels.bincount(minlength=self.classes)
        few, many = int(counts.argmin()), int(counts.argmax())
        spread = (
            f"{counts[few]} ({self.class_names[few]}) to {counts[many]} ({self.class_names[many]})"
        )
        kind = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
        return (
            f"{self.root}: {self.classes} classes ({_listed(self.class_names)}); images of each: "
            f"{spread if counts[few] < counts[many] else counts[few]}"
            f"\n{height} x {width} pixels, {kind}; {len(self.train_indices)} training, "
            f"{len(self.validation_indices)} validation and {len(self.test.labels)} test images"
        )

    def prepare_data(self) -> None:
        """Fetch and decode on one process, while the others wait; Lightning calls it."""
        self.load()

    def setup(self, stage: str) -> None:
        """Read the data on each process, near its device; Lightning calls it.

        Raises as `TrainOrder`.
        """
        self.load()
        self.order = self._train_order()
        if self.trainer is not None:
            device = self.trainer.strategy.root_device
            train, test = self.near  # there already, where a trainer validates after it has trained
            self.near = bring_near(train, device), bring_near(test, device)

    def draw_batches(self, sampling: Sampling, seed: int, device: torch.device) -> list[Batch]:
        """Draw batches of training images for scoring: normalised, not augmented, float32.

        The same seed gives the same batches, on every rank; none is of the validation split. Raises
        ValueError when there are fewer images than asked for.
        """
        self.load()
        labels = self.train.labels[self.train_indices]
        batches = []
        for drawn in draw(labels, sampling, stream(seed, "sample")):
            images = self.train.batch(self.train_indices[drawn]).to(device)
            batches.append((self.normalize(images), labels[drawn].to(device)))
        return batches

    def train_dataloader(self) -> Loader:
        """Loader of this rank's share of each global batch."""
        self.order = self._train_order()
        if self.trainer is not None:
            # Workers ask for the first batches of a resumed run before Lightning sets the epoch.
            self.order.set_epoch(self.trainer.fit_loop.epoch_progress.current.processed)  # type: ignore[attr-defined]
        return build_loader(self.near[0], self.order, self.workers)

    def val_dataloader(self) -> list[Loader]:
        """Loaders of the splits named in `splits`: validation, if any is held out, and test."""
        train, test = self.near
        held_out = [(train.unaugmented(), self.validation_indices)] if self.validation else []
        rank, world = self._place()
        loaders = []
        for split, indices in [*held_out, (test, torch.arange(len(self.test.labels)))]:
            order = evaluation_order(indices, self.eval_batch_size, rank=rank, world=world)
            loaders.append(build_loader(split, order, self.workers))
        return loaders

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment a training batch and normalise any, on the device that it has reached."""
        images, labels = batch
        if self.augment and self.trainer is not None and self.trainer.training:
            if self.padding:
                images = random_crop(images, self.padding, self.order.augmentation)
            if self.flip:
                images = random_flip(images, self.order.augmentation)
        return self.normalize(images), labels

    def normalize(self, images: Tensor) -> Tensor:
        """Normalise uint8 images (N, C, H, W) as every batch is: float32 on their own device."""
        if self._statistics.device != images.device:
            self._statistics = self._statistics.to(images.device)
        return normalize_by(images, self._statistics)

    def _read(self) -> None:
        self.train: Images | ImageFiles
        self.test: Images | ImageFiles
        if self.name == "imagenet":
            self.image_size = self.size or self.spec.size or 0
            self.train, self.test, self.class_names = read_imagenet(
                self.root, self.image_size, self.seed, augment=self.augment
            )
            self.known_classes = len(self.class_names)
            self._find_statistics(self.spec.mean or (), self.spec.std or (), None)
            return
        splits = find_in_memory(self.source) or read_splits(self.source)
        self.train, self.test, self.class_names = splits.train, splits.test, splits.class_names
        if self.subset is not None:
            self.train, self.test = take_subset(self.subset, splits.train, splits.test)
        self.known_classes = len(self.class_names)
        if (classes := self.only_classes) is not None:
            self.train = take_classes(classes, self.train, self.known_classes)
            self.test = take_classes(classes, self.test, self.known_classes)
            self.class_names = tuple(self.class_names[label] for label in classes)
        self._find_statistics(splits.mean, splits.std, self.train.images)
        self.image_size = splits.train.images.shape[-1]

    def _find_statistics(
        self, mean: tuple[float, ...], std: tuple[float, ...], images: Tensor | None
    ) -> None:
        self.channels = len(mean)
        self.mean, self.std = find_statistics(self.normalization, (mean, std), images)

    def _train_order(self) -> TrainOrder:
        rank, world = self._place()
        return TrainOrder(self.train_indices, self.batch_size, self.seed, rank=rank, world=world)

    def _place(self) -> tuple[int, int]:
        """This process's rank, and the number of processes."""
        trainer = self.trainer
        return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)


def _listed(names: Sequence[str], most: int = 6) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
