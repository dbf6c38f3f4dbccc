from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from goldpan.data.image_files import ImageFiles, read_imagenet
from goldpan.data.vision import VisionData

Write = Callable[..., Path]


@pytest.fixture
def root(class_folders: Write) -> Path:
    return class_folders(prefixes=("train", "val"), per_class=4, size=40)


def test_splits_and_classes_are_read_from_folders(root: Path) -> None:
    train, test, class_names = read_imagenet(root, 32, 0, augment=True)
    assert class_names == ("class0", "class1")
    assert train.labels.tolist() == test.labels.tolist() == [0] * 4 + [1] * 4
    images = test.batch(torch.tensor([1, 5]))
    assert (images.shape, images.dtype) == ((2, 3, 32, 32), torch.uint8)
    assert images[:, 0, 0, 0].tolist() == [1, 101]


def test_augmentation_depends_on_epoch_and_image_alone(tmp_path: Path) -> None:
    from PIL import Image

    gradient = Image.linear_gradient("L").convert("RGB")
    gradient.save(tmp_path / "a.png")
    files = ImageFiles((tmp_path / "a.png",) * 4, torch.zeros(4).long(), 8, seed=0, random=True)
    state = torch.get_rng_state()
    both, _ = files[(0, torch.tensor([1, 2]))]
    alone, _ = files[(0, torch.tensor([2]))]
    later, _ = files[(1, torch.tensor([2]))]
    assert torch.equal(both[1], alone[0])
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(alone, later)
    assert torch.equal(torch.get_rng_state(), state)


def test_unsorted_validation_images_are_an_error(root: Path) -> None:
    (root / "val" / "class1").rename(root / "val" / "other")
    with pytest.raises(ValueError, match="must be sorted into class folders"):
        read_imagenet(root, 32, 0, augment=True)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"put them there, or set dataset\.root"):
        read_imagenet(tmp_path, 32, 0, augment=True)


def test_an_empty_class_folder_is_an_error(root: Path) -> None:
    (root / "train" / "class2").mkdir()
    with pytest.raises(ValueError, match=r"got none in .*class2"):
        read_imagenet(root, 32, 0, augment=True)


def test_a_truncated_image_is_named(root: Path) -> None:
    path = root / "val" / "class0" / "0.png"
    path.write_bytes(path.read_bytes()[:60])
    _, test, _ = read_imagenet(root, 32, 0, augment=True)
    with pytest.raises(ValueError, match=r"whole image file, got .*0\.png"):
        test.batch(torch.tensor([0]))


@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_give_whole_batches_of_bytes(root: Path, workers: int) -> None:
    data = VisionData(
        *("imagenet", str(root)), batch_size=3, validation=0.25, size=32, workers=workers
    )
    data.load()
    batches = list(data.train_dataloader())
    assert [images.shape for images, _ in batches] == [(3, 3, 32, 32)] * 2
    validation, test = (list(loader) for loader in data.val_dataloader())
    assert [len(labels) for _, labels in validation + test] == [2, 8]
    assert test[0][0].dtype == torch.uint8
