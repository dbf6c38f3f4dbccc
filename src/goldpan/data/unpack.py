"""Unpack downloaded archives so that what lies at the destination is always whole."""

import gzip
import shutil
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock


def unpack(archive: Path, destination: Path) -> None:
    """Unpack a gzipped file, or a tar's folder of that name; nothing is done if it is there."""
    with (
        FileLock(f"{destination}.lock"),
        TemporaryDirectory(prefix="unpacking-", dir=destination.parent) as folder,
    ):
        if destination.exists():
            return
        unpacked = Path(folder) / destination.name
        if tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
        else:
            with gzip.open(archive) as packed, unpacked.open("wb") as file:
                shutil.copyfileobj(packed, file)
        unpacked.rename(destination)
