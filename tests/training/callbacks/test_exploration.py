"""The explorations of FreeTickets' EDST, as conf/method/edst.yaml has them, on digits."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import pytorch_lightning as pl
from hydra.utils import instantiate
from omegaconf import DictConfig

from goldpan.masks import Masks, read_masks
from goldpan.procedures.setup import build_system, build_trainer, load_data
from goldpan.runs.process import prepare_process

SHORT = ("method=edst", "recipe=edst", "recipe.epochs=9", "recipe.batch_size=64")
SMALL = ("model=lenet_300_100", "dataset.limit=200", "sparsity=0.8")
FIRST, SECOND = 11, 15
"""Steps of two an epoch: the phases begin at 6, 10 and 14, and an exploration is a step late."""


class Watch(pl.Callback):
    """Notes the masks behind each step."""

    def __init__(self) -> None:
        self.masks = list[Masks]()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        masks = read_masks(pl_module.net)  # type: ignore[arg-type]
        self.masks.append(Masks({name: mask.clone() for name, mask in masks.items()}))


@pytest.fixture
def masks(configure: Callable[..., DictConfig], tmp_path: Path) -> list[Masks]:
    """The masks behind each step of a training that updates them each 4 steps."""
    cfg = configure(*SHORT, *SMALL, "method.pruner.calendar.interval=4it")
    prepare_process(cfg)
    data, watch = load_data(cfg), Watch()
    callbacks = [instantiate(cfg.method.pruner), watch]
    trainer = build_trainer(cfg, tmp_path, Mock(), data.steps_per_epoch, callbacks)
    trainer.fit(build_system(cfg, data), datamodule=data)
    return watch.masks


def test_masks_move_in_updates_and_a_step_behind_the_second_and_third_boundary(
    masks: list[Masks],
) -> None:
    moved = [
        step
        for step in range(2, len(masks) + 1)
        if any((masks[step - 1][name] != masks[step - 2][name]).any() for name in masks[0])
    ]
    assert moved == [4, 8, FIRST, 12, SECOND, 16]


@pytest.mark.parametrize("step", [FIRST, SECOND])
def test_an_exploration_keeps_the_layers_counts_and_a_fifth_of_each_mask(
    masks: list[Masks], step: int
) -> None:
    for name, before in masks[step - 2].items():
        after, kept = masks[step - 1][name], int(before.sum())
        assert int(after.sum()) == kept
        assert kept - math.ceil(0.8 * kept) <= int((before & after).sum()) <= kept
