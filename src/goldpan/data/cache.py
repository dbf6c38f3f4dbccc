"""Decoded datasets on disk: one npz file each, whose checksums are verified whenever it is read.

A cache is written whole or not at all, and is made again when it or its source has changed.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock

from goldpan.data.datasets import Images, Splits
from goldpan.files import replacing

FORMAT = 2  # raise it when what is stored, or how it is decoded, changes
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


def cached(path: Path, fingerprint: str, build: Callable[[], Splits]) -> Splits:
    """Read the splits in `path` if it is whole and of this fingerprint, else build them.

    What was built is stored there. One process builds; the others wait for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    key = f"format {FORMAT}: {fingerprint}"
    with FileLock(f"{path}.lock"):
        try:
            if path.exists() and (splits := _read(path, key)) is not None:
                return splits
        except Exception as error:  # zipfile, zlib and numpy each raise their own at a wrong byte
            print(f"The cache {path} is damaged ({error}): it is built again.")
        splits = build()
        _write(path, key, splits)
        return splits


def _read(path: Path, key: str) -> Splits | None:
    # A zip of arrays: zipfile compares the CRC-32 of each. numpy 2.4 leaves a broken file open.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        if str(stored["key"]) != key:
            return None
        arrays = [torch.from_numpy(stored[name]) for name in ARRAYS]
        names, mean, std = (tuple(stored[name].tolist()) for name in ("class_names", "mean", "std"))
    return Splits(Images(*arrays[:2]), Images(*arrays[2:]), names, mean, std)


def _write(path: Path, key: str, splits: Splits) -> None:
    tensors = (
        *(splits.train.images, splits.train.labels),
        *(splits.test.images, splits.test.labels),
    )
    arrays = {name: tensor.numpy() for name, tensor in zip(ARRAYS, tensors, strict=True)}
    known = {"class_names": splits.class_names, "mean": splits.mean, "std": splits.std}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, key=key, **arrays, **known)  # type: ignore[arg-type]
