"""Keeps the weights that were best on the test set, as many papers' codes do."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn

from goldpan.runs.checkpoint import save
from goldpan.training.callbacks.csv_curve import read_metrics


class KeepBest(pl.Callback):
    """Writes the network to `path` at each evaluation whose test accuracy is the highest so far.

    That selects on the test set, so nothing uses it unless it is asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.best = path, -1.0

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the weights, if the network never was as good before in this training."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        accuracy = read_metrics(trainer)["test/accuracy"]
        if accuracy > self.best:
            self.best = accuracy
            if trainer.is_global_zero:
                save(pl_module.net.state_dict(), self.path)  # type: ignore[union-attr]

    def state_dict(self) -> dict[str, Any]:
        """The highest accuracy so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the checkpoint of a run that was cut short."""
        self.best = state_dict["best"]
