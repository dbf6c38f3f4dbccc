"""CIFAR-10 and CIFAR-100, read without unpickling anything.

Both come in a binary version, which is the one that goldpan fetches, and in a python version of
pickles, which many people have already. Of a pickle this takes the constants, and runs none of its
instructions.
"""

import hashlib
import pickletools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from goldpan.data.datasets import Images

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32  # bytes of an image: all its red, then its green, then its blue

Bytes = NDArray[np.uint8]
Parse = Callable[[bytes], tuple[Bytes, Bytes]]
"""A file's bytes -> pixels (N, PIXELS) and labels (N,)."""


@dataclass(frozen=True)
class Binary:
    """The binary version: rows of `labels` bytes, of which the last is the class, and an image.

    `files` are the training files and then the test file, with their sha256; `names` has the name
    of a class in each line.
    """

    folder: str
    labels: int
    names: str
    files: Mapping[str, str]


BINARY = {
    "cifar10": Binary(
        *("cifar-10-batches-bin", 1, "batches.meta.txt"),
        {
            "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        },
    ),
    "cifar100": Binary(
        *("cifar-100-binary", 2, "fine_label_names.txt"),
        {
            "train.bin": "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
            "test.bin": "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
        },
    ),
}
"""The checksums are those that torchvision's Ruby port keeps; the author gives none of a file."""


def read_cifar(name: str, root: Path, fetch: Callable[[Path], None]) -> tuple[Images, Images]:
    """Read the training and the test images of either version that lies below `root`.

    Args:
        fetch: puts the binary version's folder into its place; called if there is neither.

    Raises:
        ValueError: if a file is missing or is not the author's.
    """
    from torchvision.datasets import CIFAR10, CIFAR100

    binary, python = BINARY[name], {"cifar10": CIFAR10, "cifar100": CIFAR100}[name]
    folder, pickles = root / binary.folder, root / python.base_folder
    if pickles.is_dir() and not folder.is_dir():
        files = dict([*python.train_list, *python.test_list])
        key = {"cifar10": "labels", "cifar100": "fine_labels"}[name]
        return _read(pickles, files, "md5", partial(parse_pickle, key=key))
    if not folder.is_dir():
        fetch(folder)
    return _read(folder, binary.files, "sha256", partial(parse_binary, labels=binary.labels))


def class_names(name: str, root: Path, classes: int) -> tuple[str, ...]:
    """The names of the classes, if their file is there, or else their numbers."""
    path = root / BINARY[name].folder / BINARY[name].names
    found = path.read_text().split() if path.is_file() else []
    return tuple(found) if len(found) == classes else tuple(map(str, range(classes)))


def parse_binary(content: bytes, labels: int) -> tuple[Bytes, Bytes]:
    """The pixels and labels of rows with so many bytes of labels, of which the last counts."""
    rows = np.frombuffer(content, np.uint8).reshape(-1, labels + PIXELS)
    return rows[:, labels:], rows[:, labels - 1]


def parse_pickle(content: bytes, key: str) -> tuple[Bytes, Bytes]:
    """The pixels and the labels behind `key` in a batch of the python version.

    `pickletools` lists a pickle's instructions with their constants, and follows none of them. The
    pixels are the longest constant; the labels are the whole numbers between `key` and the next
    text.
    """
    pixels, labels, at_labels = "", list[int](), False
    for instruction, constant, _ in pickletools.genops(content):
        if isinstance(constant, bytes):
            constant = constant.decode("latin-1")
        if isinstance(constant, str) and instruction.name != "GLOBAL":
            at_labels = constant == key
            pixels = max(pixels, constant, key=len)
        elif at_labels and isinstance(constant, int) and instruction.name.startswith("BININT"):
            labels.append(constant)
    flat = np.frombuffer(pixels.encode("latin-1"), np.uint8)
    return flat.reshape(-1, PIXELS), np.array(labels, np.uint8)


def _read(
    folder: Path, files: Mapping[str, str], algorithm: str, parse: Parse
) -> tuple[Images, Images]:
    """Read checked files, of which the last is the test split."""
    parts = []
    for name, checksum in files.items():
        path = folder / name
        content = path.read_bytes() if path.is_file() else None
        if content is None or hashlib.new(algorithm, content).hexdigest() != checksum:
            got = "no such file" if content is None else "another file"
            raise ValueError(
                f"expected {name} with {algorithm}:{checksum} in {folder.absolute()}, "
                f"got {got}; delete that folder and run again"
            )
        parts.append(parse(content))
    return _images(parts[:-1]), _images(parts[-1:])


def _images(parts: Sequence[tuple[Bytes, Bytes]]) -> Images:
    pixels = np.concatenate([pixels for pixels, _ in parts]).reshape(-1, *SHAPE)
    labels = np.concatenate([labels for _, labels in parts]).astype(np.int64)
    return Images(torch.from_numpy(pixels), torch.from_numpy(labels))
