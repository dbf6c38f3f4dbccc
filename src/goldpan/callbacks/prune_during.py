"""Pruning during training, on a calendar: gradual magnitude pruning and its relatives."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from goldpan.callbacks.pruner import Pruner
from goldpan.types import Calendar


class PruneDuring(Pruner):
    """Prunes before each training step at which the calendar says that it is due.

    `calendar` takes the steps of the run and of an epoch, and gives the Calendar.
    """

    def __init__(self, *args: Any, calendar: Callable[[int, int], Calendar], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calendar = calendar
        self.progress: Calendar = lambda step: None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Resolve epochs and fractions of the run to steps; raises ValueError as `calendar`."""
        epoch_steps = int(trainer.num_training_batches)
        self.progress = self.calendar(epoch_steps * (trainer.max_epochs or 1), epoch_steps)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Cut to the schedule's sparsity at the present progress, if pruning is due."""
        progress = self.progress(trainer.global_step)
        if progress is None:
            return
        sparsity = self.schedule(progress)
        self.cut(trainer, pl_module, lambda _: sparsity, 1, last=progress == 1)  # type: ignore[arg-type]
