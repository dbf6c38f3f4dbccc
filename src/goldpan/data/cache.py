"""Decoded datasets on disk: npy arrays beside a json that holds their checksums and their source's.

A cache is written whole or not at all, is verified whenever it is read, and is made again when it
or its source has changed.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock

from goldpan.data.datasets import Images, Splits

FORMAT = 1  # raise it when what is stored, or how it is decoded, changes
INDEX = "cache.json"
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


def cached(folder: Path, fingerprint: str, build: Callable[[], Splits]) -> Splits:
    """Read the splits in `folder` if they are whole and of this fingerprint, else build them.

    What was built is stored there. One process builds; the others wait for it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        index = _read_index(folder)
        if index is not None and index["fingerprint"] == fingerprint:
            if _intact(folder, index):
                return _read(folder, index)
            print(f"The cache {folder} does not match its checksums: it is built again.")
        splits = build()
        _write(folder, fingerprint, splits)
        return splits


def _read_index(folder: Path) -> dict[str, Any] | None:
    try:
        index = json.loads((folder / INDEX).read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        print(f"The cache {folder} has an unreadable {INDEX}: it is built again.")
        return None
    return index if index.get("format") == FORMAT else None


def _intact(folder: Path, index: dict[str, Any]) -> bool:
    files = {name: folder / f"{name}.npy" for name in ARRAYS}
    return all(path.exists() for path in files.values()) and all(
        _digest(path) == index["sha256"][name] for name, path in files.items()
    )


def _read(folder: Path, index: dict[str, Any]) -> Splits:
    files = [folder / f"{name}.npy" for name in ARRAYS]
    arrays = [torch.from_numpy(np.load(file, allow_pickle=False)) for file in files]
    return Splits(
        Images(*arrays[:2]),
        Images(*arrays[2:]),
        tuple(index["class_names"]),
        tuple(index["mean"]),
        tuple(index["std"]),
    )


def _write(folder: Path, fingerprint: str, splits: Splits) -> None:
    """Write into a temporary folder beside `folder` and rename it into place."""
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        tensors = (
            *(splits.train.images, splits.train.labels),
            *(splits.test.images, splits.test.labels),
        )
        for name, tensor in zip(ARRAYS, tensors, strict=True):
            np.save(temporary / f"{name}.npy", tensor.numpy())
        index = {
            "format": FORMAT,
            "fingerprint": fingerprint,
            "sha256": {name: _digest(temporary / f"{name}.npy") for name in ARRAYS},
            "class_names": splits.class_names,
            "mean": splits.mean,
            "std": splits.std,
        }
        (temporary / INDEX).write_text(json.dumps(index, indent=1))
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
