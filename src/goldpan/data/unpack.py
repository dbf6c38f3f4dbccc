"""Unpack downloaded archives so that what lies at the destination is always whole."""

import gzip
import shutil
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

from goldpan.data.archives import HARMLESS, list_tar

CHUNK = 1 << 20  # bytes


def unpack(archive: Path, destination: Path) -> None:
    """Unpack a gzipped file, or a tar's folder of that name; nothing is done if it is there.

    Raises ValueError, before a byte is written, if the archive holds more than a gigabyte, or
    anything but plain files inside that folder.
    """
    with (
        FileLock(f"{destination}.lock"),
        TemporaryDirectory(prefix="unpacking-", dir=destination.parent) as folder,
    ):
        if destination.exists():
            return
        unpacked = Path(folder) / destination.name
        if ".tar" in archive.suffixes:  # to tarfile a gzipped file of zeros is an empty tar
            list_tar(archive)  # checks them all before one is written
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
        else:
            _check_size(archive)
            with gzip.open(archive) as packed, unpacked.open("wb") as file:
                shutil.copyfileobj(packed, file)
        unpacked.rename(destination)


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
