"""Pruning during training, on a calendar: gradual magnitude pruning and its relatives."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytorch_lightning as pl

from goldpan.data.sampling import Sampling
from goldpan.masks import Masks
from goldpan.rounds import prune_in_rounds
from goldpan.training.callbacks.pruner import FindMasks, Pruner, ScoringData
from goldpan.training.length import Length, read_length
from goldpan.training.system import System
from goldpan.types import Allocator, Calendar, DrawBatches, OnRound, Schedule, Scorer


class PruneDuring(Pruner):
    """Prunes at the steps of `calendar`, which takes the steps of the run and of an epoch."""

    def __init__(
        self,
        scorer: Scorer,
        allocator: Allocator,
        schedule: Schedule,
        sampling: Sampling,
        *,
        calendar: Callable[[int, int], Calendar],
        revive: bool = False,
        invert: bool = False,
        **controls: Any,
    ) -> None:
        super().__init__(sampling, **controls)
        self.schedule, self.calendar = schedule, calendar
        self.prune = partial(
            prune_in_rounds, scorer=scorer, allocator=allocator, revive=revive, invert=invert
        )
        self.progress: Calendar = lambda step: None

    def check(self, data: ScoringData, length: Length) -> None:
        """Make the calendar before any work; raises ValueError as it does."""
        super().check(data, length)
        self.calendar(length.steps, length.epoch_steps)

    def first_cut(self, length: Length) -> int:
        """The first step of the calendar."""
        due = self.calendar(length.steps, length.epoch_steps)
        return next((step for step in range(length.steps) if due(step) is not None), length.steps)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make the calendar."""
        length = read_length(trainer)
        self.progress = self.calendar(length.steps, length.epoch_steps)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Prune to the sparsity that the schedule gives for this step, if pruning is due."""
        progress = self.progress(trainer.global_step)
        if progress is not None:
            self.prune_to(progress, trainer, pl_module)  # type: ignore[arg-type]

    def prune_to(self, progress: float, trainer: pl.Trainer, system: System) -> None:
        """Cut to the sparsity that the schedule gives; the controls come with progress 1."""
        self.cut(trainer, system, self.finder(progress), 1, last=progress == 1)

    def finder(self, progress: float) -> FindMasks:
        """What finds the masks of the sparsity that the schedule gives."""
        sparsity = self.schedule(progress)

        def find(_: pl.Trainer, system: System, draw: DrawBatches, on_round: OnRound) -> Masks:
            prune = partial(self.prune, schedule=lambda _: sparsity)
            return prune(system.net, draw=draw, loss=system.loss, on_round=on_round)

        return find
