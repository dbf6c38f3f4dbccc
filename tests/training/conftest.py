"""What tests of the training need: bundled digits, a small network for them, and a Trainer."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn

from goldpan.data.vision import VisionData
from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.models.initialize import seeded
from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]


@pytest.fixture
def data() -> VisionData:
    """A hundred digits, 1 x 8 x 8, in four batches of 25; no validation split."""
    data = VisionData("digits", batch_size=25, limit=100, validation=0.0)
    data.load()
    return data


def small(seed: int) -> nn.Module:
    """Two convolutions with BatchNorm, one linear layer."""
    with seeded(seed):
        return nn.Sequential(
            MaskedConv2d(1, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            MaskedConv2d(6, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            MaskedLinear(8, 10),
        )


@pytest.fixture
def build(data: VisionData) -> Build:
    """build(optimizer=..., ...) makes the Classifier of a small network."""

    def built(build: Callable[[int], nn.Module] = small, **options: Any) -> Classifier:
        chosen = {
            "optimizer": lambda groups: torch.optim.SGD(groups, 0.05, momentum=0.9),
            "learning_rate": lambda progress: 1.0,
            "splits": data.splits,
        }
        return Classifier(build, 0, **chosen | options)  # type: ignore[arg-type]

    return built


@pytest.fixture
def fit(data: VisionData, tmp_path: Path) -> Fit:
    """fit(system, callbacks...) trains it an epoch on the digits and leaves last.ckpt."""

    def trained(
        system: Classifier,
        *callbacks: pl.Callback,
        epochs: int = 1,
        resume: Path | None = None,
        accelerator: str = "cpu",
        **options: Any,
    ) -> pl.Trainer:
        keep = ModelCheckpoint(
            tmp_path, filename="last", save_on_train_epoch_end=True, enable_version_counter=False
        )
        trainer = pl.Trainer(
            accelerator=accelerator,
            max_epochs=epochs,
            callbacks=[*callbacks, keep],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            **options,
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r".*LeafSpec|.*is not empty|.*does not have")
            trainer.fit(system, datamodule=data, ckpt_path=resume, weights_only=True)
        return trainer

    return trained
