"""Ends a training at a step, with an evaluation, wherever in an epoch that step is."""

from typing import Any

import pytorch_lightning as pl


class StopAt(pl.Callback):
    """Asks the trainer to evaluate and stop after so many optimizer steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Stop after the last step; a trainer that is asked to stop evaluates first."""
        if trainer.global_step >= self.steps:
            trainer.should_stop = True
