"""The learning curve: one row an epoch, in metrics.csv and in every checkpoint."""

from pathlib import Path
from time import perf_counter

import pytorch_lightning as pl

from goldpan.files import write_rows
from goldpan.training.callbacks.resumable import Resumable

Row = dict[str, float]


def read_metrics(trainer: pl.Trainer) -> Row:
    """What the last epoch logged, by name, to six digits (Lightning keeps float32)."""
    metrics = sorted(trainer.callback_metrics.items())
    return {name: float(f"{float(value):.6g}") for name, value in metrics}


class CsvCurve(Resumable):
    """Rewrites `path` after each epoch with all the rows so far, those before a resume included.

    Columns: epoch (from 1), step, train/, val/ and test/ loss and accuracy (%), lr, sparsity, and
    the seconds spent on training and on evaluation.
    """

    kept = ("rows",)

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, list[Row]()
        self.started = self.trained_until = self.rate = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock and read the epoch's learning rate."""
        self.started = perf_counter()
        self.rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Read the clock where the epoch's training ends."""
        self.trained_until = perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch's row."""
        metrics = read_metrics(trainer)
        row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step} | metrics
        row["lr"] = self.rate
        row["training_seconds"] = self.trained_until - self.started
        row["evaluation_seconds"] = perf_counter() - self.trained_until
        self.rows.append(row)
        if trainer.is_global_zero:
            write_rows(self.path, self.rows)
