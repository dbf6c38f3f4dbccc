"""The content of archives and folders, and what is remembered of it."""

import os
from pathlib import Path

import pytest

from goldpan.runs import image_content
from goldpan.runs.image_content import content_digest


def digest(root: Path) -> str:
    content_digest.cache_clear()
    return content_digest(root, root.parent / "memory")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two classes of two files."""
    for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "images"


def test_an_image_that_is_added_removed_renamed_or_changed_counts(images: Path) -> None:
    seen = [digest(images)]
    (images / "cat/3.png").write_text("three")
    seen.append(digest(images))
    (images / "cat/3.png").rename(images / "dog/3.png")
    seen.append(digest(images))
    (images / "dog/3.png").write_text("other")
    seen.append(digest(images))
    assert len(set(seen)) == 4
    (images / "dog/3.png").unlink()
    assert digest(images) == seen[0]


def test_other_content_of_one_size_and_time_counts(tmp_path: Path) -> None:
    archive = tmp_path / "images.zip"
    archive.write_bytes(b"one")
    before, status = digest(archive), archive.stat()
    archive.write_bytes(b"two")
    os.utime(archive, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digest(archive) != before


def test_place_time_and_hidden_files_do_not_count(images: Path) -> None:
    before = digest(images)
    (images / ".DS_Store").write_text("a computer's own")
    os.utime(images / "cat/1.png")
    assert digest(images) == before
    assert digest(images.rename(images.with_name("moved"))) == before


def test_a_file_that_did_not_change_is_not_read_again(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest(images)
    (images / "cat/1.png").write_text("new")
    read = list[str]()

    def note(file: object, name: str) -> object:
        read.append(str(getattr(file, "name", "")))
        return original(file, name)

    original = image_content.hashlib.file_digest
    monkeypatch.setattr(image_content.hashlib, "file_digest", note)
    digest(images)
    digest(images)
    assert read == [str(images / "cat/1.png")]


def test_where_nothing_can_be_remembered_the_content_is_read_each_time(images: Path) -> None:
    (images.parent / "memory").write_text("no folder")
    assert digest(images) == digest(images) != ""


def test_images_that_are_not_here_are_unknown(tmp_path: Path) -> None:
    assert digest(tmp_path / "nothing") == ""
