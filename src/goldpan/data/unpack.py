"""Unpack downloaded archives so that what lies at the destination is always whole."""

import gzip
import shutil
import tarfile
import tempfile
from pathlib import Path

from filelock import FileLock


def gunzip(archive: Path, destination: Path) -> None:
    """Unpack one gzipped file to `destination`, unless another process has done so."""
    with FileLock(f"{destination}.lock"):
        if destination.exists():
            return
        temporary = destination.with_name(destination.name + ".unpacking")
        with gzip.open(archive) as packed, temporary.open("wb") as file:
            shutil.copyfileobj(packed, file)
        temporary.replace(destination)


def untar(archive: Path, folder: Path) -> None:
    """Unpack the archive's top folder of the same name as `folder`, unless it is there already."""
    with (
        FileLock(f"{folder}.lock"),
        tempfile.TemporaryDirectory(prefix="unpacking-", dir=folder.parent) as temporary,
    ):
        if folder.exists():
            return
        with tarfile.open(archive) as tar:
            tar.extractall(temporary, filter="data")
        (Path(temporary) / folder.name).rename(folder)
