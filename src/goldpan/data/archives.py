"""What an archive must not hold: anything outside it, anything but files, or more than fits."""

import stat
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

RATIO = 100
"""An archive unpacks to at most so many times its own size; pictures, to about once."""

HARMLESS = 2**30
"""Bytes that it may always unpack to."""

PLAIN = (0, stat.S_IFREG, stat.S_IFDIR)
"""File types of a zip's members; 0 where the zip does not say."""

Member = tuple[str, int, str]
"""A member's name, its size in bytes, and whether it is a "file", a "folder" or something else."""

ENCRYPTED = 0x1
"""The bit of a zip member's flags that says that it has a password."""


def list_zip(archive: Path) -> list[str]:
    """Return the names of a zip's files; raises as `_check`, and ValueError if one is encrypted."""
    members = list[Member]()
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            if info.flag_bits & ENCRYPTED:
                raise ValueError(
                    f"expected a zip without a password, got {archive}, in which {info.filename} "
                    "is encrypted; unpack it, and set dataset.root to the folder"
                )
            plain = stat.S_IFMT(info.external_attr >> 16) in PLAIN
            kind = "folder" if info.is_dir() else "file" if plain else "other"
            members.append((info.filename, info.file_size, kind))
    return _check(archive, members)


def list_tar(archive: Path) -> list[str]:
    """Return the names of a tar's files, whether it is compressed or not; raises as `_check`."""
    with tarfile.open(archive) as tar:
        return _check(archive, map(_describe, tar))


def _describe(member: tarfile.TarInfo) -> Member:
    kind = "file" if member.isfile() else "folder" if member.isdir() else "other"
    return member.name, member.size, kind


def _check(archive: Path, members: Iterable[Member]) -> list[str]:
    """Check each member before any of it is unpacked; return the names of the files.

    Raises:
        ValueError: for a member whose name leads out of the archive, that is a link or a device, or
            that makes the archive far larger unpacked than packed.
    """
    names, packed, unpacked = list[str](), archive.stat().st_size, 0
    for name, size, kind in members:
        unpacked += size
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or parts[0][1:] == ":":
            _refuse(archive, name, "the name")
        if kind == "other":
            _refuse(archive, name, "the link or device")
        if unpacked > max(HARMLESS, RATIO * packed):
            _refuse(archive, name, f"{unpacked:,} bytes in {packed:,}, up to")
        if kind == "file":
            names.append(name)
    return names


def _refuse(archive: Path, name: str, found: str) -> None:
    raise ValueError(
        f"expected plain files of a usual size in {archive}, got {found} {name!r}; nothing was "
        "unpacked, get the archive from a source that you trust"
    )
