"""Class folders, on disk or inside a tar or zip archive: what is in them and how it is read.

Archives are read member by member and never unpacked to disk.
"""

import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch

from goldpan.data.archives import list_tar, list_zip
from goldpan.data.sampling import hold_out

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
TEST_NAMES = ("test", "val", "valid", "validation")
TEST_FRACTION = 0.2

Labelled = dict[str, int]
"""Member name -> label."""


@dataclass(frozen=True)
class Layout:
    """Which members make up which split, and the class names in the order of the labels."""

    train: Labelled
    test: Labelled
    class_names: tuple[str, ...]


def list_members(source: Path) -> list[str]:
    """Return the names of all files in a folder, tar or zip, sorted, hidden ones left out.

    Raises FileNotFoundError when nothing is there, ValueError when the file is no tar or zip, or
    holds more than plain files.
    """
    if source.is_dir():
        names = [p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()]
    elif not source.exists():
        raise FileNotFoundError(
            f"expected a folder of class folders or a tar or zip of one at {source.absolute()}, "
            "got nothing there; set dataset.root to where it is"
        )
    else:
        names = _list_archive(source)
    hidden = (".", "__MACOSX")
    return sorted(n for n in names if not any(part.startswith(hidden) for part in _parts(n)))


def _list_archive(source: Path) -> list[str]:
    try:
        if zipfile.is_zipfile(source):
            return list_zip(source)
        if tarfile.is_tarfile(source):
            return list_tar(source)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(
            f"expected a whole archive, got {source} ({error}); copy or download it again"
        ) from error
    raise ValueError(f"expected a folder, a tar or a zip, got {source}, which is none of them")


def read_members(source: Path, wanted: Container[str]) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the wanted members in the order in which they lie in the source."""
    if source.is_dir():
        for name in list_members(source):
            if name in wanted:
                yield name, (source / name).read_bytes()
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for name in archive.namelist():
                if name in wanted:
                    yield name, archive.read(name)
    else:
        with tarfile.open(source) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name in wanted else None
                if file is not None:
                    yield member.name, file.read()


def fingerprint(source: Path) -> str:
    """Return a digest of file names, sizes and modification times, and of an archive's content."""
    digest = hashlib.sha256()
    if source.is_dir():
        for name in list_members(source):
            status = (source / name).stat()
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    else:
        status = source.stat()
        with source.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{source.name}\0{status.st_size}\0{status.st_mtime_ns}\0{content}".encode())
    return digest.hexdigest()


def arrange(names: list[str]) -> Layout:
    """Find splits and classes: `train/` and `test/` (or `val/`) of class folders, or those alone.

    Folders that merely wrap everything are looked through. Without a test folder, a fifth of each
    class is the test split, the same fifth in every run.

    Raises ValueError when there are no class folders, or the test split has a class of its own.
    """
    paths = {name: _parts(name) for name in names if name.lower().endswith(SUFFIXES)}
    while len({parts[0] for parts in paths.values()}) == 1 and all(
        len(parts) > 2 for parts in paths.values()
    ):
        paths = {name: parts[1:] for name, parts in paths.items()}
    tops = {parts[0].lower() for parts in paths.values() if len(parts) > 1}
    test = next((name for name in TEST_NAMES if {"train", name} <= tops), None)
    if test is None and (alone := sorted(tops & {"train", *TEST_NAMES})):
        raise ValueError(
            f"expected class folders, or train/ with one of {', '.join(TEST_NAMES)} beside it; got "
            f"{alone[0]}/ without the other"
        )
    if test is None:
        return _split(_classes(paths))
    train = _classes({n: p[1:] for n, p in paths.items() if p[0].lower() == "train"})
    return _label(train, _classes({n: p[1:] for n, p in paths.items() if p[0].lower() == test}))


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name).parts  # a leading "./" is no part


def _classes(paths: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Member name -> class name, the folder that the image lies in."""
    return {name: parts[0] for name, parts in paths.items() if len(parts) > 1}


def _label(train: dict[str, str], test: dict[str, str]) -> Layout:
    class_names = tuple(sorted(set(train.values())))
    unknown = sorted(set(test.values()) - set(class_names))
    if unknown:
        raise ValueError(
            f"expected every class of the test split in the training split, got {unknown[0]!r} "
            "in the test split alone; add training images of it or remove it"
        )
    labels = {class_name: label for label, class_name in enumerate(class_names)}
    return Layout(
        {name: labels[class_name] for name, class_name in train.items()},
        {name: labels[class_name] for name, class_name in test.items()},
        class_names,
    )


def _split(classes: dict[str, str]) -> Layout:
    names = list(classes)
    labels = torch.tensor([*_label(classes, {}).train.values()], dtype=torch.int64)
    held_out = {names[index] for index in hold_out(labels, TEST_FRACTION, seed=0)[1].tolist()}
    train = {name: class_name for name, class_name in classes.items() if name not in held_out}
    return _label(train, {name: classes[name] for name in names if name in held_out})
