"""The datasets that goldpan knows by name, and what a dataset in memory looks like.

Mean and std are those of the training split's pixels, rounded to four places.
Checksums and mirrors of MNIST and Fashion-MNIST are those of torchvision's dataset classes, CIFAR's
are those of its author's page; Fashion-MNIST's second mirror is its authors' repository. CIFAR's
own host is slow: Swift for TensorFlow's bucket and MindSpore's tutorials have the same archives.
Wherever an archive comes from, its checksum decides, and then those of CIFAR's files.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Images:
    """One split in memory: images (N, C, H, W) uint8 and labels (N,) int64, on one device."""

    images: Tensor
    labels: Tensor

    def batch(self, indices: Tensor) -> Tensor:
        """Return the images at `indices` (B,) as uint8 (B, C, H, W)."""
        return self.images.index_select(0, indices)

    def unaugmented(self) -> "Images":
        """Return itself: what is in memory is augmented by the batch, later."""
        return self

    def to(self, device: torch.device) -> "Images":
        """Return the split on that device: itself if it is there, else a copy."""
        if self.images.device == device:
            return self
        return Images(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Splits:
    """The two splits of a dataset, its class names in the order of the labels, and statistics.

    `mean` and `std` are those of the training pixels, per channel, for pixels in [0, 1].
    """

    train: Images
    test: Images
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Download:
    """One file to fetch: its path below the data folder, its checksum "md5:..." or "sha256:..."."""

    path: str
    checksum: str


@dataclass(frozen=True)
class Spec:
    """What is known of a dataset before it is read; None is what only its files can tell.

    `flip` and `padding` (pixels, black, before a random crop back to `size`) are the augmentation
    of the training images. A download's address is a mirror followed by the file's own name.
    """

    name: str
    classes: int | None = None
    channels: int | None = None
    size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    flip: bool = True
    padding: int = 4
    mirrors: tuple[str, ...] = ()
    downloads: tuple[Download, ...] = ()


@dataclass(frozen=True)
class Source:
    """Where a dataset's files lie, and how they are decoded.

    `root` is the folder that holds the dataset's own folder; of image_folder, the folder or archive
    itself. `cache` keeps decoded images, scaled to `size` pixels if it is given. `mirrors` are
    addresses tried before the spec's own; a file's name is added to each.
    """

    spec: Spec
    root: Path
    cache: Path
    size: int | None = None
    mirrors: tuple[str, ...] = ()


_TORONTO = ("https://www.cs.toronto.edu/~kriz", "https://cave.cs.toronto.edu/kriz")
_SWIFT = "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10"
_MINDSPORE = "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets"


def _idx(folder: str, *checksums: str) -> tuple[Download, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(
        Download(f"{folder}/raw/{name}-ubyte.gz", f"md5:{checksum}")
        for name, checksum in zip(names, checksums, strict=True)
    )


_SPECS = (
    Spec("digits", 10, 1, 8, (0.3056,), (0.3760,), flip=False, padding=0),
    Spec(
        *("mnist", 10, 1, 28, (0.1307,), (0.3081,)),
        flip=False,
        padding=0,
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "http://yann.lecun.com/exdb/mnist",
        ),
        downloads=_idx(
            "MNIST",
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    Spec(
        *("fashion_mnist", 10, 1, 28, (0.2860,), (0.3530,)),
        flip=False,
        padding=0,
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
        ),
        downloads=_idx(
            "FashionMNIST",
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    Spec(
        *("cifar10", 10, 3, 32, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
        mirrors=(_SWIFT, *_TORONTO, _MINDSPORE),
        downloads=(Download("cifar-10-binary.tar.gz", "md5:c32a1d4ab5d03f1284b67883e8d87530"),),
    ),
    Spec(
        *("cifar100", 100, 3, 32, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
        mirrors=(_SWIFT, *_TORONTO, _MINDSPORE),
        downloads=(Download("cifar-100-binary.tar.gz", "md5:03b5dce01913d631647c71ecec9e9cb8"),),
    ),
    Spec(  # mean and std are measured when the files are decoded
        *("tiny_imagenet", 200, 3, 64),
        mirrors=("http://cs231n.stanford.edu",),
        downloads=(Download("tiny-imagenet-200.zip", "md5:90528d7ca1a48142e341f4ef8d21d0de"),),
    ),
    # Cropped and flipped image by image while it is read, so nothing is left to do for a batch.
    Spec("imagenet", 1000, 3, 224, IMAGENET_MEAN, IMAGENET_STD, flip=False, padding=0),
    Spec("image_folder"),
)

SPECS = {spec.name: spec for spec in _SPECS}


def find_spec(name: str) -> Spec:
    """Return the spec of a dataset; ValueError with the known names if there is none."""
    if name not in SPECS:
        raise ValueError(f"expected a dataset among {', '.join(SPECS)}, got {name!r}")
    return SPECS[name]
