import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.trainer.connectors import data_connector
from torch import Tensor

from goldpan.data.sampling import Sampling
from goldpan.data.vision import VisionData
from goldpan.types import Batch

Write = Callable[..., Path]
CPU = torch.device("cpu")

# Lightning 2.6's own code on torch 2.15, in every fit.
pytestmark = pytest.mark.filterwarnings(r"ignore:.isinstance\(treespec, LeafSpec\)")


def digits(**options: Any) -> VisionData:
    data = VisionData("digits", **{"batch_size": 64} | options)
    data.load()
    return data


class Recorder(pl.LightningModule):
    """Notes every batch that arrives, (epoch, images, labels), and trains one number."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.trained: list[tuple[int, Tensor, Tensor]] = []
        self.seen: dict[int, int] = {}

    def training_step(self, batch: Batch, _: int) -> Tensor:
        self.trained.append((self.current_epoch, *batch))
        return self.weight * batch[0].mean()

    def validation_step(self, batch: Batch, _: int, dataloader_idx: int = 0) -> None:
        self.seen[dataloader_idx] = self.seen.get(dataloader_idx, 0) + len(batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(data: VisionData, folder: Path, epochs: int, **options: Any) -> Recorder:
    module = Recorder()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        callbacks=[ModelCheckpoint(folder, save_last=True, save_top_k=0)],
    )
    trainer.fit(module, datamodule=data, weights_only=True, **options)
    return module


def test_a_resumed_run_sees_the_batches_of_an_undisturbed_one(tmp_path: Path) -> None:
    def fresh() -> VisionData:
        return digits(limit=200, flip=True, padding=1, seed=3)

    whole = fit(fresh(), tmp_path / "whole", 4).trained
    fit(fresh(), tmp_path / "cut", 2)
    resumed = fit(fresh(), tmp_path / "cut", 4, ckpt_path=tmp_path / "cut" / "last.ckpt").trained
    assert [epoch for epoch, *_ in resumed] == [2, 2, 3, 3]
    for (_, x, y), (_, x_resumed, y_resumed) in zip(whole[4:], resumed, strict=True):
        assert torch.equal(x, x_resumed)
        assert torch.equal(y, y_resumed)


def test_a_second_training_on_the_same_data_is_the_same(tmp_path: Path) -> None:
    data = digits(limit=100, padding=1)
    first, second = (fit(data, tmp_path, 1).trained for _ in range(2))
    assert torch.equal(first[0][1], second[0][1])


def test_lightning_asks_for_no_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_connector, "suggested_max_num_workers", lambda _: 31)
    module = fit(digits(limit=200), tmp_path, 1)  # a warning would be an error
    assert module.seen == {0: 20, 1: 359}


def test_training_images_are_augmented_and_evaluation_images_are_not(tmp_path: Path) -> None:
    data = digits(padding=2, limit=100)
    data.trainer = SimpleNamespace(training=True)  # type: ignore[assignment]
    data.order = SimpleNamespace(augmentation=torch.Generator())  # type: ignore[assignment]
    batch = data.train.images[:9], data.train.labels[:9]
    plain = data.normalize(batch[0])
    assert not torch.equal(data.on_after_batch_transfer(batch, 0)[0], plain)
    data.trainer.training = False  # type: ignore[misc]
    assert torch.equal(data.on_after_batch_transfer(batch, 0)[0], plain)


def test_augment_false_only_normalises(tmp_path: Path) -> None:
    module = fit(digits(padding=2, augment=False, limit=100), tmp_path, 1)
    black = -0.3056 / 0.3760
    values = module.trained[0][1]
    assert values.min() == pytest.approx(black, abs=1e-5)
    assert values.dtype == torch.float32


@pytest.mark.parametrize(("kind", "statistics"), [("half", [0.5]), ("none", [0.0]), ("image", [])])
def test_the_record_says_by_what_pixels_are_normalised(kind: str, statistics: list[float]) -> None:
    said = digits(normalization=kind).describe()
    assert (said["normalization"], said["mean"], said["image_shape"]) == (
        *(kind, statistics),
        [1, 8, 8],
    )


def test_training_evaluation_and_scoring_are_normalised_alike() -> None:
    data = digits(normalization="none")
    [(scored, _)] = data.draw_batches(Sampling(size=9), seed=0, device=CPU)
    trained = data.on_after_batch_transfer((data.train.images, data.train.labels), 0)[0]
    for images in (scored, trained):
        assert images.aminmax() == (0.0, 1.0)


def test_validation_is_a_tenth_of_each_class_and_not_trained_on() -> None:
    data = digits()
    counts = data.train.labels[data.validation_indices].bincount()
    assert counts.tolist() == [14, 15, 14, 15, 15, 15, 14, 14, 14, 14]
    assert not set(data.validation_indices.tolist()) & set(data.train_indices.tolist())
    assert data.describe()["train"] == 1294


def test_the_seed_draws_the_validation_split() -> None:
    first, again, other = (digits(seed=seed).validation_indices for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_without_validation_there_is_only_a_test_loader() -> None:
    data = digits(validation=0)
    assert data.splits == ("test",)
    assert [sum(len(y) for _, y in loader) for loader in data.val_dataloader()] == [359]


def test_the_last_images_are_held_out_of_the_training_file() -> None:
    data = digits(validation=438, hold_out="last")
    assert data.validation_indices.tolist() == list(range(1000, 1438))
    assert (data.describe()["train"], data.describe()["validation"]) == (1000, 438)


def test_a_subset_is_all_that_is_trained_and_tested_on() -> None:
    whole = digits(validation=0)
    data = digits(subset={"train": 200, "test": 100, "seed": 0}, validation=0)
    order = np.random.RandomState(0).permutation(1438)[:200]
    assert torch.equal(data.train.batch(data.train_indices), whole.train.batch(torch.tensor(order)))
    assert data.describe()["test"] == sum(len(y) for _, y in data.val_dataloader()[0]) == 100


def test_limit_keeps_balanced_training_images_and_the_whole_test_split() -> None:
    data = digits(limit=100)
    used = torch.cat([data.train_indices, data.validation_indices])
    assert data.train.labels[used].bincount().tolist() == [10] * 10
    assert data.describe()["test"] == 359


def test_shapes_are_known_after_loading() -> None:
    data = digits()
    assert (data.classes, data.channels, data.image_size) == (10, 1, 8)
    assert data.image_shape == (1, 8, 8)
    assert data.steps_per_epoch == len(data.train_dataloader()) == 1294 // 64


def test_a_sample_is_normalised_plain_and_from_the_training_split() -> None:
    data = digits(padding=2, validation=0.5)
    [(images, labels)] = data.draw_batches(Sampling(per_class=3), seed=0, device=CPU)
    assert labels.bincount().tolist() == [3] * 10
    plain = data.normalize(data.train.batch(data.train_indices))
    found = (images[:, None] == plain[None]).flatten(2).all(2)
    assert found.any(1).all()
    [(again, _)] = data.draw_batches(Sampling(per_class=3), seed=0, device=CPU)
    assert torch.equal(images, again)


def test_ranks_share_batches_and_evaluation() -> None:
    data = digits()
    labels, seen = [], 0
    for rank in range(2):
        progress = SimpleNamespace(epoch_progress=SimpleNamespace(current=SimpleNamespace()))
        progress.epoch_progress.current.processed = 0
        data.trainer = SimpleNamespace(global_rank=rank, world_size=2, fit_loop=progress)  # type: ignore[assignment]
        labels.append(next(iter(data.train_dataloader()))[1])
        seen += sum(len(y) for _, y in data.val_dataloader()[1])
    data.trainer = None
    assert torch.equal(torch.cat(labels), next(iter(data.train_dataloader()))[1])
    assert seen == 359


def test_a_batch_that_processes_cannot_share_is_an_error_before_training() -> None:
    data = digits(batch_size=63)
    data.trainer = SimpleNamespace(global_rank=0, world_size=2)  # type: ignore[assignment]
    with pytest.raises(ValueError, match="2 processes share evenly, got 63; try 62"):
        data.setup("fit")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": 1.0}, r"in \[0, 1\) or a whole number from 2 on, got 1.0"),
        ({"validation": -0.1}, r"in \[0, 1\) or a whole number from 2 on, got -0.1"),
        ({"batch_size": 0}, r"dataset.batch_size of at least 1, got 0"),
        ({"eval_batch_size": 0}, r"dataset.eval_batch_size of at least 1, got 0"),
        ({"limit": 0}, r"dataset.limit of at least 1, got 0"),
        ({"limit": 9}, r"dataset.limit between 10, .* and 1438, all of them, got 9"),
        ({"limit": 5000}, r"dataset.limit between 10, .* and 1438, all of them, got 5000"),
        ({"size": 16}, r"no dataset.size for digits, whose images are 8x8, got 16"),
        ({"batch_size": 2000}, r"batch_size of at most 1294, .* got 2000"),
        ({"validation": 1}, r"or a whole number from 2 on, got 1"),
        ({"validation": 5000.0}, r"or a whole number from 2 on, got 5000.0"),
        ({"validation": 1438}, r"to leave images to train on, got 1438 held out, all of them"),
        ({"hold_out": "first"}, r"hold_out of balanced, last, random, got 'first'"),
        ({"subset": {"train": 2000, "test": 9, "seed": 0}}, r"between 1 and 1438, .* got 2000"),
        ({"validation": 0.0001}, r"hold out at least one image, got none"),
        ({"padding": -1}, r"dataset.padding of at least 0, got -1"),
        ({"normalization": "zca"}, r"channel, half, global, image, none, got 'zca'"),
    ],
)
def test_bad_options_are_errors_before_training(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        digits(**options)


def folder_data(root: Path, **options: Any) -> VisionData:
    cache = str(root.parent / "cache")
    return VisionData("image_folder", str(root), **{"batch_size": 4, "cache": cache} | options)


def test_your_own_archive_trains(
    tmp_path: Path, class_folders: Write, pack: Callable[[Path, str], Path]
) -> None:
    archive = pack(class_folders(prefixes=("train", "test"), per_class=10), ".tar.xz")
    module = fit(folder_data(archive), tmp_path, 1)
    assert [x.shape for _, x, _ in module.trained] == [(4, 3, 8, 8)] * 4
    assert module.seen == {0: 2, 1: 20}


def test_what_a_folder_holds_is_said_in_two_lines(class_folders: Write) -> None:
    root = class_folders(classes=3)
    for number in range(4):
        (root / f"class1/{number}.png").unlink()
    first, second = folder_data(root).overview().splitlines()
    assert first == (
        f"{root}: 3 classes (class0, class1, class2); images of each: 6 (class1) to 10 (class0)"
    )
    assert second == "8 x 8 pixels, colour; 19 training, 2 validation and 5 test images"


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="got nothing there"):
        folder_data(tmp_path / "missing").load()


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(ValueError, match=r"got 0 training images in 0 class folder"):
        folder_data(tmp_path / "photos").load()


def test_one_class_is_an_error(class_folders: Write) -> None:
    with pytest.raises(ValueError, match=r"got 8 training images in 1 class folder"):
        folder_data(class_folders(classes=1)).load()


def test_nothing_to_test_on_is_an_error(class_folders: Write) -> None:
    with pytest.raises(ValueError, match="no test image"):
        folder_data(class_folders(per_class=1)).load()


def test_a_truncated_image_is_named(class_folders: Write) -> None:
    folder = class_folders()
    os.truncate(folder / "class1" / "3.png", 50)
    with pytest.raises(ValueError, match=r"whole image file, got .*class1/3\.png"):
        folder_data(folder).load()
