"""ImageNet, which does not fit in memory: each image is read, cropped and flipped when it is due.

The transforms are those of torchvision's reference training: RandomResizedCrop and flip; for
evaluation a resize to 256/224 of the size and the centre crop.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from goldpan.data.folders import SUFFIXES
from goldpan.data.order import Request
from goldpan.stream import stream
from goldpan.types import Batch

ENLARGED = 256 / 224  # evaluation images are scaled to this multiple of the crop


@dataclass(frozen=True)
class ImageFiles(Dataset[Batch]):
    """One split on disk; `random` says whether batches asked for by a loader are augmented.

    An image's augmentation depends on (seed, epoch, its index) alone: not on workers or ranks.
    """

    paths: tuple[Path, ...]
    labels: Tensor
    size: int
    seed: int = 0
    random: bool = False

    def batch(self, indices: Tensor) -> Tensor:
        """Return the images at `indices` (B,), not augmented, as uint8 (B, 3, size, size)."""
        transform = _transform(self.size, random=False)
        return torch.stack([_read(self.paths[i], transform) for i in indices.tolist()])

    def unaugmented(self) -> "ImageFiles":
        """Return the same images, for evaluation."""
        return replace(self, random=False)

    def __getitem__(self, request: Request) -> Batch:
        epoch, indices = request
        labels = self.labels[indices]
        if not self.random:
            return self.batch(indices), labels
        transform, images = _transform(self.size, random=True), []
        with torch.random.fork_rng(devices=[]):  # torchvision draws from torch's own generator
            for index in indices.tolist():
                state = stream(self.seed, "augment", epoch, index).get_state()
                torch.default_generator.set_state(state)
                images.append(_read(self.paths[index], transform))
        return torch.stack(images), labels


def require_folder(folder: Path) -> None:
    """Raise FileNotFoundError if the folder of a split is not there."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"expected ImageNet's class folders in {folder.absolute()}, got no such folder; put "
            "them there, or set dataset.root to the folder that holds train/ and val/"
        )


def list_split(folder: Path) -> tuple[tuple[Path, ...], Tensor, tuple[str, ...]]:
    """Return the images of a folder of class folders, their labels and the class names, sorted."""
    require_folder(folder)
    class_names = tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir()))
    found: list[tuple[Path, int]] = []
    for label, place in enumerate(folder / class_name for class_name in class_names):
        images = [path for path in sorted(place.iterdir()) if path.suffix.lower() in SUFFIXES]
        if not images:
            raise ValueError(
                f"expected images in every class folder, got none in {place}; add some or remove "
                "the folder"
            )
        found += [(path, label) for path in images]
    labels = torch.tensor([label for _, label in found], dtype=torch.int64)
    return tuple(path for path, _ in found), labels, class_names


def read_imagenet(
    root: Path, size: int, seed: int, *, augment: bool
) -> tuple[ImageFiles, ImageFiles, tuple[str, ...]]:
    """Return the splits `train/<wnid>` and `val/<wnid>` below root, and the class names.

    Raises ValueError when the two have different classes.
    """
    paths, labels, class_names = list_split(root / "train")
    test_paths, test_labels, test_names = list_split(root / "val")
    if test_names != class_names:
        difference = sorted(set(class_names) ^ set(test_names))
        raise ValueError(
            f"expected the same class folders in {root / 'train'} and {root / 'val'}, got "
            f"{difference[0]} in one alone; the validation images must be sorted into class folders"
        )
    train = ImageFiles(paths, labels, size, seed, random=augment)
    return train, ImageFiles(test_paths, test_labels, size), class_names


def _transform(size: int, *, random: bool) -> Callable[[Image.Image], Any]:
    from torchvision import transforms as t

    evaluation = [t.Resize(round(size * ENLARGED)), t.CenterCrop(size)]
    training = [t.RandomResizedCrop(size), t.RandomHorizontalFlip()]
    return t.Compose([*(training if random else evaluation), t.PILToTensor()])  # type: ignore[no-any-return]


def _read(path: Path, transform: Callable[[Image.Image], Any]) -> Tensor:
    try:
        with Image.open(path) as file:
            image: Tensor = transform(file.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise ValueError(
            f"expected a whole image file, got {path} ({error}); replace it or remove it"
        ) from error
    return image
