"""A change to the network after every optimizer step, such as Polarization's clamp."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from torch import nn


class AfterStep(pl.Callback):
    """Calls `change(net)` after each training batch."""

    def __init__(self, change: Callable[[nn.Module], None]) -> None:
        self.change = change

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Change the network."""
        self.change(pl_module.net)  # type: ignore[arg-type]
