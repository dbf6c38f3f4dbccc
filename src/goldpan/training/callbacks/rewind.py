"""Going back to an earlier point of a training: its weights, its learning rate, its images."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from goldpan.duration import Duration, Written
from goldpan.masks import read_masks
from goldpan.runs.checkpoint import save
from goldpan.training.callbacks.csv_curve import CsvCurve
from goldpan.training.length import read_length


class KeepWeights(pl.Callback):
    """Writes the network to `path` as it is at the time `at`, before the step that begins there."""

    def __init__(self, at: Written, path: Path) -> None:
        self.at, self.path = Duration.parse(at), path

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Write the weights, if this is the time."""
        length = read_length(trainer)
        due = self.at.steps(length.steps, length.epoch_steps)
        if trainer.global_step == due and trainer.is_global_zero:
            save(pl_module.net.state_dict(), self.path)  # type: ignore[union-attr]


class NotTrained(RuntimeError):
    """A network is as it shall be measured, and is not trained: no failure."""


class StartAt(pl.Callback):
    """Lets a training begin at a step of its schedule, with the weights that belong there.

    Learning rate and images are those of that step in a whole training. Where it lies inside an
    epoch, that epoch's earlier batches are gone through for nothing: so all that is drawn at random
    for the later ones is what it was. Then come the weights, so that nothing is left of that.

    Args:
        step: the step to begin at.
        epoch_steps: the number of steps in an epoch.
        weights: parameters and statistics of norms to begin with, under the masks as they are then.
        trains: whether it is trained; if not, NotTrained is raised instead of the first step.
    """

    def __init__(
        self, step: int, epoch_steps: int, weights: Mapping[str, Tensor], *, trains: bool = True
    ) -> None:
        self.step, self.weights, self.trains = step, weights, trains
        self.epoch, self.wasted = divmod(step, epoch_steps)
        self.first = step - self.wasted

    def enter(self, trainer: pl.Trainer) -> None:
        """Set the trainer's counters; call it before `fit`, which a checkpoint then overrules."""
        loop = trainer.fit_loop  # Lightning 2.6.6 has no public way to begin at a later epoch
        _set(loop.epoch_progress.current, self.epoch)
        _set(loop.epoch_progress.total, self.epoch)
        _set(loop.epoch_loop.batch_progress.total, self.first)
        steps = loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total
        steps.ready = steps.completed = self.first
        loop.epoch_loop._batches_that_stepped = self.first

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Move the learning rate on, unless the run goes on from a checkpoint."""
        if trainer.global_step != self.first:
            return
        for config in trainer.lr_scheduler_configs:
            done = self.epoch if config.interval == "epoch" else self.first
            config.scheduler.last_epoch = done - 1
            with warnings.catch_warnings(action="ignore", category=UserWarning):
                config.scheduler.step()  # type: ignore[call-arg]  # torch warns: no step came before

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Put the weights in at the step they belong to, and forget what came before."""
        if trainer.global_step != self.step:
            return
        masks = read_masks(pl_module.net)  # type: ignore[arg-type]
        weights = {n: value for n, value in self.weights.items() if not n.endswith("mask")}
        pl_module.net.load_state_dict(weights, strict=False)  # type: ignore[union-attr]
        for optimizer in trainer.optimizers:
            optimizer.state.clear()
        pl_module.counts = {}  # type: ignore[assignment]
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, CsvCurve):
                callback.rows.clear()
        pl_module.change_masks(masks)  # type: ignore[operator]
        if not self.trains:
            raise NotTrained


def _set(tracker: Any, count: int) -> None:
    """Set all that Lightning counts of one thing."""
    tracker.ready = tracker.started = tracker.processed = tracker.completed = count
