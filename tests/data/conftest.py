"""Small real files in the formats that goldpan reads."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Write = Callable[..., Path]


def png(value: int, size: int = 8, mode: str = "RGB") -> bytes:
    """A square picture of one colour."""
    file = io.BytesIO()
    array = np.full((size, size, 3), value, np.uint8)
    Image.fromarray(array).convert(mode).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    return png


@pytest.fixture
def class_folders(tmp_path: Path) -> Write:
    """Write `photos`, a folder of `per_class` pictures in each class, under each prefix."""

    def write(
        *, prefixes: tuple[str, ...] = ("",), classes: int = 2, per_class: int = 10, size: int = 8
    ) -> Path:
        root = tmp_path / "photos"
        for prefix in prefixes:
            for label in range(classes):
                folder = root / prefix / f"class{label}"
                folder.mkdir(parents=True)
                for number in range(per_class):
                    content = png(100 * label + number, size)
                    (folder / f"{number}.png").write_bytes(content)
        return root

    return write


@pytest.fixture
def pack() -> Callable[[Path, str], Path]:
    """Pack a folder, itself included, into an archive of the given suffix beside it."""

    def pack(folder: Path, suffix: str) -> Path:
        archive = folder.with_name(folder.name + suffix)
        if suffix == ".zip":
            with zipfile.ZipFile(archive, "w") as file:
                for path in folder.rglob("*"):
                    file.write(path, path.relative_to(folder.parent))
        else:
            mode = {".tar": "w", ".tar.gz": "w:gz", ".tar.xz": "w:xz"}[suffix]
            with tarfile.open(archive, mode) as file:  # type: ignore[call-overload]
                file.add(folder, folder.name)
        return archive

    return pack
