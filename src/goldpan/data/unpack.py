"""Unpack downloaded archives so that what lies at the destination is always whole."""

import gzip
import shutil
import tarfile
import tempfile
from pathlib import Path

from filelock import FileLock

from goldpan.data.archives import HARMLESS, list_tar

CHUNK = 1 << 20  # bytes


def gunzip(archive: Path, destination: Path) -> None:
    """Unpack one gzipped file to `destination`, unless another process has done so.

    Raises:
        ValueError: if it unpacks to more than a gigabyte.
    """
    with FileLock(f"{destination}.lock"):
        if destination.exists():
            return
        _check_size(archive)
        temporary = destination.with_name(destination.name + ".unpacking")
        with gzip.open(archive) as packed, temporary.open("wb") as file:
            shutil.copyfileobj(packed, file)
        temporary.replace(destination)


def untar(archive: Path, folder: Path) -> None:
    """Unpack the archive's top folder of the same name as `folder`, unless it is there already.

    Raises:
        ValueError: if anything in the archive is not a plain file of a usual size inside it.
    """
    with (
        FileLock(f"{folder}.lock"),
        tempfile.TemporaryDirectory(prefix="unpacking-", dir=folder.parent) as temporary,
    ):
        if folder.exists():
            return
        list_tar(archive)  # checks them all before one is written
        with tarfile.open(archive) as tar:
            tar.extractall(temporary, filter="data")
        (Path(temporary) / folder.name).rename(folder)


def _check_size(archive: Path) -> None:
    """Read a gzipped file to its end, as its own word on its size cannot be trusted."""
    size = 0
    with gzip.open(archive) as packed:
        while chunk := packed.read(CHUNK):
            size += len(chunk)
            if size > HARMLESS:
                raise ValueError(
                    f"expected at most {HARMLESS} bytes in {archive}, got more; nothing was "
                    "unpacked, get the file from a source that you trust"
                )
