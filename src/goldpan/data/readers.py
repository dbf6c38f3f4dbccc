"""Read a dataset by name into two splits in memory: fetched, unpacked, decoded when needed."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from goldpan.data import cifar, folders, tiny_imagenet
from goldpan.data.cache import cached
from goldpan.data.checks import check_images
from goldpan.data.datasets import Download, Images, Source, Splits
from goldpan.data.decode import decode
from goldpan.data.download import download
from goldpan.data.folders import Layout
from goldpan.data.sampling import hold_out
from goldpan.data.unpack import unpack


def read_splits(source: Source) -> Splits:
    """Read both splits of any dataset but imagenet, which does not fit in memory."""
    name = source.spec.name
    if name == "digits":
        return _read_digits(source)
    if name in ("mnist", "fashion_mnist"):
        return _read_mnist(source)
    if name in cifar.BINARY:
        return _read_cifar(source)
    if name == "tiny_imagenet":
        folder = source.root / tiny_imagenet.FOLDER
        files = folder if folder.is_dir() else _fetch(source, source.spec.downloads[0])
        return _read_files(source, files, source.size or source.spec.size, tiny_imagenet.arrange)
    return _read_files(source, source.root, source.size, lambda _, names: folders.arrange(names))


def _read_digits(source: Source) -> Splits:
    """Split scikit-learn's 1,797 digits of 8x8 pixels 80 to 20, the same way in every run."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = torch.from_numpy(np.rint(data.images * 255 / 16).astype(np.uint8))[:, None]
    labels = torch.from_numpy(data.target.astype(np.int64))
    train, test = (Images(images[part], labels[part]) for part in hold_out(labels, 0.2, seed=0))
    return _splits(source, train, test, [str(digit) for digit in range(10)])


def _read_mnist(source: Source) -> Splits:
    for item in source.spec.downloads:
        unpacked = (source.root / item.path).with_suffix("")
        if not unpacked.exists():
            unpack(_fetch(source, item), unpacked)
    from torchvision.datasets import MNIST, FashionMNIST

    reader = MNIST if source.spec.name == "mnist" else FashionMNIST
    parts = [reader(source.root, train=train) for train in (True, False)]
    train, test = (Images(part.data[:, None], part.targets) for part in parts)
    return _splits(source, train, test, parts[0].classes)


def _read_cifar(source: Source) -> Splits:
    spec = source.spec

    def fetch(folder: Path) -> None:
        unpack(_fetch(source, spec.downloads[0]), folder)

    train, test = cifar.read_cifar(spec.name, source.root, fetch)
    names = cifar.class_names(spec.name, source.root, spec.classes or 0)
    return _splits(source, train, test, names)


def _read_files(
    source: Source, files: Path, size: int | None, layout: Callable[[Path, list[str]], Layout]
) -> Splits:
    """Decode class folders or an archive of them, or read what was decoded before."""
    if not files.exists():
        folders.list_members(files)  # says what is missing

    def build() -> Splits:
        found = layout(files, folders.list_members(files))
        check_images(files, len(found.class_names), len(found.train), len(found.test))
        return decode(files, found, size)

    place = sha256(f"{files.absolute()}\0{size}".encode()).hexdigest()[:12]
    path = source.cache / f"{source.spec.name}-{place}.npz"
    return cached(path, f"{folders.fingerprint(files)} size {size}", build)


def _fetch(source: Source, item: Download) -> Path:
    name = Path(item.path).name
    urls = [f"{mirror.rstrip('/')}/{name}" for mirror in (*source.mirrors, *source.spec.mirrors)]
    return download(urls, source.root / item.path, item.checksum)


def _splits(source: Source, train: Images, test: Images, class_names: Sequence[str]) -> Splits:
    return Splits(train, test, tuple(class_names), source.spec.mean or (), source.spec.std or ())
