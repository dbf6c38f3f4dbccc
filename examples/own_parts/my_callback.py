"""A method of one's own that changes masks in training: a callback, which says when."""

from typing import Any

import pytorch_lightning as pl

from goldpan.allocation.global_top import global_top
from goldpan.data.sampling import Sampling
from goldpan.masks import Masks, read_masks
from goldpan.scorers.magnitude import magnitude
from goldpan.training.callbacks.pruner import Pruner
from goldpan.training.length import read_length
from goldpan.training.system import System
from goldpan.types import DrawBatches, OnRound


class PruneMidway(Pruner):
    """Cuts the smallest weights once, at a fraction `at` of the optimizer steps."""

    def __init__(self, sampling: Sampling, *, sparsity: float, at: float, **controls: Any) -> None:
        super().__init__(sampling, **controls)
        self.sparsity, self.at = sparsity, at

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Cut, if this is the step; Lightning calls it before each one."""
        if trainer.global_step == int(self.at * read_length(trainer).steps):
            self.cut(trainer, pl_module, self._choose, 1, last=True)  # type: ignore[arg-type]

    def _choose(
        self, trainer: pl.Trainer, system: System, draw: DrawBatches, on_round: OnRound
    ) -> Masks:
        """The masks; `draw(1)` would give training images to score by."""
        scores = magnitude(system.net, [], system.loss)
        return global_top(scores, self.sparsity, read_masks(system.net))
