from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from goldpan.data import loaders
from goldpan.data.datasets import Images
from goldpan.data.image_files import ImageFiles
from goldpan.data.loaders import MemoryLoader, bring_near
from goldpan.data.vision import VisionData

META = torch.device("meta")  # a device that no batch comes back from by itself


def images(count: int) -> Images:
    return Images(
        torch.arange(count * 4, dtype=torch.uint8).view(count, 1, 2, 2), torch.arange(count)
    )


def test_batches_are_cut_where_the_images_lie() -> None:
    order = [(0, torch.tensor([3, 1])), (0, torch.tensor([2]))]
    x, y = next(iter(MemoryLoader(images(5), order)))
    assert torch.equal(y, torch.tensor([3, 1]))
    assert torch.equal(x[1], images(5).images[1])
    there = list(MemoryLoader(images(5).to(META), order))
    assert [len(y) for _, y in there] == [2, 1]
    assert all(part.device == META for batch in there for part in batch)


def test_what_is_small_is_brought_near(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small = images(5)
    assert bring_near(small, torch.device("cpu")) is small
    near = bring_near(small, META)
    assert isinstance(near, Images)
    assert (near.images.device, near.labels.device) == (META, META)
    monkeypatch.setattr(loaders, "RESIDENT", 19)
    assert bring_near(small, META) is small
    files = ImageFiles((tmp_path / "0.png",), torch.zeros(1), 8)
    assert bring_near(files, META) is files


@pytest.mark.gpu
def test_a_gpu_is_given_the_batches_that_a_processor_is_given(tmp_path: Path) -> None:
    def batches(accelerator: str) -> list[torch.Tensor]:
        data = VisionData("digits", batch_size=64, flip=True, padding=1)
        data.trainer = pl.Trainer(accelerator=accelerator, devices=1, logger=False)
        data.trainer.training = True
        data.setup("fit")
        raw = list(data.train_dataloader())
        device = data.trainer.strategy.root_device
        assert all(x.device == device for x, _ in raw)
        return [data.on_after_batch_transfer(batch, 0)[0].cpu() for batch in raw]

    for here, there in zip(batches("cpu"), batches("gpu"), strict=True):
        torch.testing.assert_close(here, there)


def test_images_are_brought_near_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = VisionData("digits", batch_size=64)
    data.trainer = pl.Trainer(accelerator="cpu", devices=1, logger=False)
    monkeypatch.setattr(type(data.trainer.strategy), "root_device", META)
    data.setup("fit")
    train, test = data.near
    assert isinstance(train, Images)
    assert train.images.device == META
    data.setup("validate")
    assert data.near == (train, test)
