"""Read a dataset by name into two splits in memory: fetched, unpacked, decoded when needed."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from goldpan.data import cifar, folders, tiny_imagenet
from goldpan.data.cache import cached
from goldpan.data.checks import check_images
from goldpan.data.datasets import Download, Images, Spec, Splits
from goldpan.data.decode import decode
from goldpan.data.download import download
from goldpan.data.folders import Layout
from goldpan.data.sampling import hold_out
from goldpan.data.unpack import gunzip, untar


def read_splits(
    spec: Spec,
    root: Path,
    cache: Path,
    size: int | None = None,
    mirrors: Sequence[str] = (),
) -> Splits:
    """Read both splits of any dataset but imagenet, which does not fit in memory.

    Args:
        root: the folder that holds the dataset's own folder; of image_folder, the folder or the
            archive itself.
        cache: where decoded images are kept.
        size: pixels that images are scaled to, for datasets that are decoded from image files.
        mirrors: addresses tried before the spec's own; a file's name is added to each.
    """
    mirrors = (*mirrors, *spec.mirrors)
    if spec.name == "digits":
        return _read_digits(spec)
    if spec.name in ("mnist", "fashion_mnist"):
        return _read_mnist(spec, root, mirrors)
    if spec.name in cifar.BINARY:
        return _read_cifar(spec, root, mirrors)
    if spec.name == "tiny_imagenet":
        source = root / tiny_imagenet.FOLDER
        if not source.is_dir():
            source = _fetch(spec.downloads[0], root, mirrors)
        return _read_files(source, cache, spec.name, size or spec.size, tiny_imagenet.arrange)
    return _read_files(root, cache, spec.name, size, lambda _, names: folders.arrange(names))


def _read_digits(spec: Spec) -> Splits:
    """Split scikit-learn's 1,797 digits of 8x8 pixels 80 to 20, the same way in every run."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = torch.from_numpy(np.rint(data.images * 255 / 16).astype(np.uint8))[:, None]
    labels = torch.from_numpy(data.target.astype(np.int64))
    train, test = hold_out(labels, 0.2, seed=0)
    return _splits(
        spec,
        Images(images[train], labels[train]),
        Images(images[test], labels[test]),
        [str(digit) for digit in range(10)],
    )


def _read_mnist(spec: Spec, root: Path, mirrors: Sequence[str]) -> Splits:
    for item in spec.downloads:
        unpacked = (root / item.path).with_suffix("")
        if not unpacked.exists():
            gunzip(_fetch(item, root, mirrors), unpacked)
    from torchvision.datasets import MNIST, FashionMNIST

    reader = MNIST if spec.name == "mnist" else FashionMNIST
    train, test = reader(root, train=True), reader(root, train=False)
    return _splits(
        spec,
        Images(train.data[:, None], train.targets),
        Images(test.data[:, None], test.targets),
        train.classes,
    )


def _read_cifar(spec: Spec, root: Path, mirrors: Sequence[str]) -> Splits:
    def fetch(folder: Path) -> None:
        untar(_fetch(spec.downloads[0], root, mirrors), folder)

    train, test = cifar.read_cifar(spec.name, root, fetch)
    return _splits(spec, train, test, cifar.class_names(spec.name, root, spec.classes or 0))


def _read_files(
    source: Path,
    cache: Path,
    name: str,
    size: int | None,
    layout: Callable[[Path, list[str]], Layout],
) -> Splits:
    """Decode class folders or an archive of them, or read what was decoded before."""
    if not source.exists():
        folders.list_members(source)  # says what is missing

    def build() -> Splits:
        found = layout(source, folders.list_members(source))
        check_images(source, len(found.class_names), len(found.train), len(found.test))
        return decode(source, found, size)

    place = sha256(f"{source.absolute()}\0{size}".encode()).hexdigest()[:12]
    return cached(cache / f"{name}-{place}", f"{folders.fingerprint(source)} size {size}", build)


def _fetch(item: Download, root: Path, mirrors: Sequence[str]) -> Path:
    name = Path(item.path).name
    urls = [f"{mirror.rstrip('/')}/{name}" for mirror in mirrors]
    return download(urls, root / item.path, item.checksum)


def _splits(spec: Spec, train: Images, test: Images, class_names: Sequence[str]) -> Splits:
    return Splits(train, test, tuple(class_names), spec.mean or (), spec.std or ())
