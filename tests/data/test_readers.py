import gzip
import hashlib
import os
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from goldpan.data import cifar
from goldpan.data.datasets import SPECS, Download, Source, Splits, find_spec
from goldpan.data.decode import measure
from goldpan.data.readers import read_splits

Write = Callable[..., Path]


def read(name: str, root: Path, *archives: Path, size: int | None = None) -> Splits:
    """Read with the checksums of `archives` and a mirror that has them: their folder."""
    downloads = tuple(
        replace(item, checksum=f"md5:{hashlib.md5(archive.read_bytes()).hexdigest()}")
        for item, archive in zip(SPECS[name].downloads, archives, strict=False)
    )
    spec = replace(SPECS[name], downloads=downloads, mirrors=())
    mirrors = [archives[0].parent.as_uri()] if archives else []
    return read_splits(Source(spec, root, root.parent / "cache", size, tuple(mirrors)))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"among digits, mnist, .*image_folder, got 'cifar'"):
        find_spec("cifar")


def test_digits_are_split_four_to_one_in_each_class(tmp_path: Path) -> None:
    splits = read("digits", tmp_path)
    assert splits.train.images.shape == (1438, 1, 8, 8)
    assert splits.test.labels.bincount().min() >= 34
    assert splits.train.images.max() == 255


def test_the_mean_and_std_of_digits_are_right(tmp_path: Path) -> None:
    mean, std = measure(read("digits", tmp_path).train.images)
    assert SPECS["digits"].mean == pytest.approx(mean, abs=1e-4)
    assert SPECS["digits"].std == pytest.approx(std, abs=1e-4)


def idx(array: np.ndarray) -> bytes:
    """The idx format of LeCun's page: magic number, sizes, bytes."""
    header = [0x800 + array.ndim, *array.shape]
    return b"".join(n.to_bytes(4) for n in header) + array.astype(np.uint8).tobytes()


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_mnist_is_fetched_unpacked_and_read(tmp_path: Path, name: str) -> None:
    images = np.arange(3 * 28 * 28).reshape(3, 28, 28) % 256
    labels = np.array([4, 0, 9])
    (tmp_path / "mirror").mkdir()
    archives = []
    for item, array in zip(SPECS[name].downloads, [images, labels] * 2, strict=True):
        archives.append(tmp_path / "mirror" / Path(item.path).name)
        archives[-1].write_bytes(gzip.compress(idx(array)))
    for _ in range(2):  # the second time there is nothing to fetch
        splits = read(name, tmp_path / "data", *archives)
        assert splits.train.images.shape == (3, 1, 28, 28)
        assert splits.train.images[:, 0].tolist() == images.tolist()
        assert splits.test.labels.tolist() == [4, 0, 9]
        archives = []


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.downloads])
def test_a_test_without_the_images_downloads_nothing(tmp_path: Path, name: str) -> None:
    source = Source(SPECS[name], tmp_path / "data", tmp_path / "cache")
    with pytest.raises(FileNotFoundError, match="tests download nothing"):
        read_splits(source)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]


def test_a_test_finds_no_data_of_this_machine() -> None:
    assert not list(Path(os.environ["GOLDPAN_DATA"]).iterdir())


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifar_has_mirrors_beside_its_slow_host(name: str) -> None:
    others = [mirror for mirror in SPECS[name].mirrors if "toronto" not in mirror]
    assert others
    assert all(mirror.startswith("https://") for mirror in SPECS[name].mirrors)


def cifar_archive(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A binary archive of CIFAR-10 with two images in each file, whose checksums are known."""
    known = cifar.BINARY["cifar10"]
    place = folder / known.folder
    place.mkdir(parents=True)
    files = {}
    for number, name in enumerate(known.files):
        images = np.full((2, 3, 32, 32), 10 * number, np.uint8)
        images[:, 2, 0, 31] = 255  # blue, top right
        labels = np.array([[number], [9]], np.uint8)
        content = np.concatenate([labels, images.reshape(2, -1)], 1).tobytes()
        (place / name).write_bytes(content)
        files[name] = hashlib.sha256(content).hexdigest()
    (place / known.names).write_text("\n".join("abcdefghij") + "\n\n")
    monkeypatch.setitem(cifar.BINARY, "cifar10", replace(known, files=files))
    archive = folder / Path(SPECS["cifar10"].downloads[0].path).name
    with tarfile.open(archive, "w:gz") as file:
        file.add(place, place.name)
    return archive


def test_cifar_is_fetched_unpacked_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = cifar_archive(tmp_path / "mirror", monkeypatch)
    splits = read("cifar10", tmp_path / "data", archive)
    assert splits.train.images.shape == (10, 3, 32, 32)
    assert splits.train.images.is_contiguous()
    assert splits.train.images[:, 0, 0, 0].tolist() == [0, 0, 10, 10, 20, 20, 30, 30, 40, 40]
    assert splits.train.images[0, :, 0, 31].tolist() == [0, 0, 255]
    assert splits.train.labels[:4].tolist() == [0, 9, 1, 9]
    assert splits.test.labels.tolist() == [5, 9]
    assert splits.class_names[3] == "d"


@pytest.mark.parametrize("folder", ["cifar-10-batches-py", "cifar-10-batches-bin"])
def test_a_damaged_cifar_folder_is_an_error(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    with pytest.raises(ValueError, match=rf"{folder}, got no such file; delete that folder"):
        read("cifar10", tmp_path)


def tiny(folder: Path, picture: Callable[..., bytes]) -> Path:
    """Two classes with two training images and one val image each."""
    root = folder / "tiny-imagenet-200"
    for value, wnid in ((10, "n02"), (20, "n01")):
        images = root / "train" / wnid / "images"
        images.mkdir(parents=True)
        for number in range(2):
            (images / f"{wnid}_{number}.JPEG").write_bytes(picture(value + number, 64))
    for part in ("val", "test"):
        (root / part / "images").mkdir(parents=True)
        for number in range(2):
            (root / part / "images" / f"{part}_{number}.JPEG").write_bytes(picture(number, 64))
    rows = "val_0.JPEG\tn02\t0\t0\t1\t1\nval_1.JPEG\tn01\t0\t0\t1\t1\n"
    (root / "val" / "val_annotations.txt").write_text(rows)
    return root


@pytest.mark.parametrize("packed", [False, True])
def test_tiny_imagenet_is_read_from_folder_or_zip(
    tmp_path: Path, picture: Callable[..., bytes], pack: Callable[[Path, str], Path], packed: bool
) -> None:
    folder = tiny(tmp_path, picture)
    archives = [pack(folder, ".zip")] if packed else []
    splits = read("tiny_imagenet", tmp_path / "data" if packed else tmp_path, *archives)
    assert splits.class_names == ("n01", "n02")
    assert splits.train.images[:, 0, 0, 0].tolist() == [20, 21, 10, 11]
    assert splits.train.labels.tolist() == [0, 0, 1, 1]
    assert splits.test.labels.tolist() == [1, 0]
    assert splits.train.images.shape == (4, 3, 64, 64)


def test_a_tiny_imagenet_without_an_annotated_image_is_an_error(
    tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    (tiny(tmp_path, picture) / "val" / "images" / "val_1.JPEG").unlink()
    with pytest.raises(ValueError, match=r"expected val/images/val_1.JPEG in"):
        read("tiny_imagenet", tmp_path)


def test_a_zip_that_is_not_tiny_imagenet_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    archive = tmp_path / "mirror" / "tiny-imagenet-200.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "hello")
    with pytest.raises(ValueError, match=r"expected train/ and val/val_annotations.txt"):
        read("tiny_imagenet", tmp_path / "data", archive)


def test_a_changed_folder_is_decoded_again(
    tmp_path: Path, class_folders: Write, picture: Callable[..., bytes]
) -> None:
    folder = class_folders(per_class=5)
    assert read("image_folder", folder).train.images.shape == (8, 3, 8, 8)
    for name in ("5.png", "6.png", "7.png", "8.png", "9.png"):
        (folder / "class0" / name).write_bytes(picture(1))
    assert read("image_folder", folder).train.labels.tolist() == [0] * 8 + [1] * 4


def test_each_size_has_its_own_cache(class_folders: Write) -> None:
    folder = class_folders()
    for size in (4, None, 4):
        side = size or 8
        assert read("image_folder", folder, size=size).train.images.shape[2:] == (side, side)
    assert len(list((folder.parent / "cache").glob("*.npz"))) == 2


def test_statistics_are_those_of_the_training_images(class_folders: Write) -> None:
    splits = read("image_folder", class_folders(prefixes=("train", "test")))
    pixels = splits.train.images.double() / 255
    assert splits.mean == pytest.approx(pixels.mean((0, 2, 3)).tolist())
    assert splits.std == pytest.approx(pixels.std((0, 2, 3), correction=0).tolist())


def test_downloads_know_their_place() -> None:
    assert SPECS["cifar10"].downloads == (
        Download("cifar-10-binary.tar.gz", "md5:c32a1d4ab5d03f1284b67883e8d87530"),
    )
    assert torch.tensor([len(spec.mirrors) for spec in SPECS.values() if spec.downloads]).all()
