"""The learning curve: a row for each evaluation, in metrics.csv and in every checkpoint."""

from pathlib import Path
from time import perf_counter

import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn
from torch.optim import Optimizer

from goldpan.files import write_rows
from goldpan.runs.curve import Row
from goldpan.training.callbacks.resumable import Resumable


def read_metrics(trainer: pl.Trainer) -> Row:
    """What the last evaluation logged, by name, to six digits (Lightning keeps float32)."""
    metrics = sorted(trainer.callback_metrics.items())
    return {name: float(f"{float(value):.6g}") for name, value in metrics}


class CsvCurve(Resumable):
    """Rewrites `path` after each epoch with all the rows so far, those before a resume included.

    Columns: epoch (from 1), step, train/, val/ and test/ loss and accuracy (%) or psnr (dB), lr of
    the last step, sparsity, and the seconds spent on training and on evaluation since the row
    before. Those of train/ are over the steps since then too, but of the row's own epoch alone.
    """

    kept = ("rows", "trained")

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, list[Row]()
        self.started = self.trained_until = self.rate = 0.0
        self.trained = 0.0  # seconds of training since the last row

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self.started = perf_counter()

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Read the step's learning rate."""
        self.rate = optimizer.param_groups[0]["lr"]

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Read the clock where training pauses, if the evaluation is of a training."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        self.trained_until = perf_counter()
        self.trained += self.trained_until - self.started

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add a row, unless the evaluation was none of a training."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        self.started = perf_counter()
        row: Row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step}
        row |= read_metrics(trainer)
        row["lr"] = self.rate
        row["training_seconds"] = self.trained
        row["evaluation_seconds"] = self.started - self.trained_until
        self.rows.append(row)
        self.trained = 0.0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the rows."""
        self.trained += perf_counter() - self.started
        if trainer.is_global_zero:
            write_rows(self.path, self.rows)
