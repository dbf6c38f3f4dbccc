import os
from collections.abc import Callable
from pathlib import Path

import pytest

from goldpan.data.folders import arrange, fingerprint, list_members, read_members

Write = Callable[..., Path]
Pack = Callable[[Path, str], Path]


def test_class_folders_alone_are_split_in_each_class() -> None:
    names = [f"{name}/{i}.jpg" for name in ("cat", "dog") for i in range(10)]
    layout = arrange(names)
    assert layout.class_names == ("cat", "dog")
    assert sorted(layout.train | layout.test) == sorted(names)
    assert sorted(layout.test.values()) == [0, 0, 1, 1]
    assert layout == arrange(names)


@pytest.mark.parametrize("test", ["test", "val"])
def test_train_and_test_folders_are_the_splits(test: str) -> None:
    layout = arrange(["w/train/a/1.png", "w/train/b/2.png", f"w/{test}/b/sub/3.png", "w/x.txt"])
    assert layout.train == {"w/train/a/1.png": 0, "w/train/b/2.png": 1}
    assert layout.test == {f"w/{test}/b/sub/3.png": 1}


def test_folders_around_everything_are_looked_through() -> None:
    assert arrange(["./x/y/a/1.png", "./x/y/b/1.png"]).class_names == ("a", "b")


def test_a_test_class_without_training_images_is_an_error() -> None:
    with pytest.raises(ValueError, match="got 'c' in the test split alone"):
        arrange(["train/a/1.png", "test/c/1.png"])


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".zip"])
def test_archives_read_like_the_folder(class_folders: Write, pack: Pack, suffix: str) -> None:
    folder = class_folders(per_class=2)
    archive = pack(folder, suffix)
    names = list_members(archive)
    assert names == [f"photos/{name}" for name in list_members(folder)]
    contents = dict(read_members(archive, set(names)))
    assert contents == {f"photos/{n}": c for n, c in read_members(folder, list_members(folder))}


def test_hidden_files_are_left_out(class_folders: Write) -> None:
    folder = class_folders(per_class=1)
    (folder / "class0" / "._0.png").write_bytes(b"resource fork")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "0.png").write_bytes(b"")
    assert list_members(folder) == ["class0/0.png", "class1/0.png"]


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="got nothing there"):
        list_members(tmp_path / "missing")


def test_a_file_of_another_kind_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(ValueError, match="which is none of them"):
        list_members(tmp_path / "a.txt")


@pytest.mark.parametrize("suffix", ["", ".zip"])
def test_a_touched_file_changes_the_fingerprint(
    class_folders: Write, pack: Pack, suffix: str
) -> None:
    folder = class_folders(per_class=1)
    source = pack(folder, suffix) if suffix else folder
    before = fingerprint(source)
    assert fingerprint(source) == before
    os.utime(source if suffix else folder / "class0" / "0.png", (1, 1))
    assert fingerprint(source) != before


@pytest.mark.parametrize(
    ("train", "test"), [("train", "valid"), ("Train", "Test"), ("TRAIN", "validation")]
)
def test_splits_go_by_any_of_their_names(train: str, test: str) -> None:
    names = [f"{split}/{kind}/{n}.png" for split in (train, test) for kind in "ab" for n in "12"]
    assert arrange(names).class_names == ("a", "b")


def test_a_split_without_its_other_is_no_class() -> None:
    with pytest.raises(ValueError, match="got train/ without the other"):
        arrange(["train/a/1.png", "train/b/1.png", "tests/a/1.png", "tests/b/1.png"])


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.xz"])
def test_an_archive_that_was_cut_short_is_named(
    class_folders: Write, pack: Pack, suffix: str
) -> None:
    archive = pack(class_folders(per_class=20), suffix)
    archive.write_bytes(archive.read_bytes()[:-60])
    with pytest.raises(ValueError, match=rf"expected a whole archive, got .*{suffix} \("):
        list_members(archive)
