"""Train a network under a penalty that grows on the filters of the channels that will go."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import pytorch_lightning as pl
from omegaconf import DictConfig
from torch import nn

from goldpan.channels.choosing import ChannelChoice, prunable_groups
from goldpan.channels.groups import ChannelGroup
from goldpan.data.vision import VisionData
from goldpan.procedures.setup import build_system, build_trainer, load_data
from goldpan.procedures.train import fit
from goldpan.runs.curve import Row
from goldpan.runs.record import CURVE, Record
from goldpan.training.callbacks.csv_curve import CsvCurve
from goldpan.training.callbacks.growing_filters import GrowingFilters
from goldpan.training.callbacks.monitor import Monitor
from goldpan.training.growth import Growth
from goldpan.training.length import Length, choose_length

PLACE = "growth"
"""The folder of this training, in that of the fine-tuning after it."""


class Choose(Protocol):
    """What decides which channels stay."""

    def __call__(
        self, net: nn.Module, groups: Sequence[ChannelGroup] | None = None
    ) -> ChannelChoice:
        """The choice among these groups, or among all that may shrink."""


@dataclass(frozen=True)
class Grown:
    """What stays of a network whose other filters have shrunk, and the curve of that training."""

    choice: ChannelChoice
    rows: Sequence[Row]


def grow(
    cfg: DictConfig, draft: Record, data: VisionData, net: nn.Module, place: Path, choose: Choose
) -> Grown:
    """Train `net` in place as `method.channels.growth` says, from a checkpoint if there is one.

    It is the recipe at a constant rate, without the method's penalty: no channel is removed yet.
    `data` is that of `growth_data`.
    """
    stage = growth_stage(cfg, data)
    folder = place / PLACE
    folder.mkdir(parents=True, exist_ok=True)
    groups = prunable_groups(net, data.image_shape, cfg.method.channels.get("scope", "all"))
    filters = GrowingFilters(partial(choose, groups=groups), groups, _times(cfg))
    curve = CsvCurve(folder / CURVE)
    callbacks: list[pl.Callback] = [Monitor(), curve, filters]
    system = build_system(stage, data, lambda seed: net)
    trainer = build_trainer(stage, folder, draft.identity, data.steps_per_epoch, callbacks)
    fit(trainer, system, data, folder)
    return Grown(filters.choice, curve.rows)


def growth_data(cfg: DictConfig, data: VisionData) -> VisionData:
    """The images in the batches of this training, before any work.

    Raises:
        ValueError: if they are too few for a batch, or the growth's times are not in order.
    """
    batch_size = cfg.method.channels.growth.batch_size
    if batch_size not in (None, data.batch_size):
        other = cfg.copy()
        other.dataset.batch_size = batch_size
        try:
            data = load_data(other)
        except ValueError as error:
            raise ValueError(f"method.channels.growth.batch_size={batch_size}: {error}") from error
    length = _length(cfg, data)
    _times(cfg).plan(length, length.steps)
    return data


def growth_stage(cfg: DictConfig, data: VisionData) -> DictConfig:
    """The configuration of this training: its own length, rate and batches."""
    stage, growth = cfg.copy(), cfg.method.channels.growth
    stage.recipe.epochs = f"{_length(cfg, data).steps}it"
    stage.recipe.optimizer.lr *= growth.rate
    stage.recipe.learning_rate = {
        "_target_": "goldpan.schedules.learning_rate.constant",
        "_partial_": True,
    }
    stage.recipe.warm_up = None
    stage.method.penalty, stage.logger = None, {}
    return stage


def _length(cfg: DictConfig, data: VisionData) -> Length:
    """The length of this training; a fraction is one of the recipe's own epochs."""
    recipe = choose_length(cfg.recipe, data.steps_per_epoch)
    steps = max(1, recipe.count(cfg.method.channels.growth.epochs))
    return Length(steps, data.steps_per_epoch)


def _times(cfg: DictConfig) -> Growth:
    """The growth from the first step of this training until its last."""
    growth = cfg.method.channels.growth
    names = ("choose", "end", "interval", "separation", "ceiling", "recovery")
    return Growth(begin="0it", cut="1.0", **{name: growth[name] for name in names})
