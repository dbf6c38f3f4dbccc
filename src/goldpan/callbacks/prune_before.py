"""Pruning before training: the masks are found on the untrained network and then stay."""

from typing import Any

import pytorch_lightning as pl

from goldpan.callbacks.pruner import Pruner
from goldpan.cost import check_connected


class PruneBefore(Pruner):
    """Prunes in `rounds` before the first training step, once: a resumed run keeps its masks."""

    def __init__(self, *args: Any, rounds: int = 1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rounds, self.done = rounds, False

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Cut; Lightning has by now restored the checkpoint of a resumed run, and with it `done`.

        Raises:
            LayerCollapse: if nothing connects the input to the output any more.
        """
        if self.done:
            return
        self.cut(trainer, pl_module, self.schedule, self.rounds, last=True)  # type: ignore[arg-type]
        self.done = True
        check_connected(pl_module.net, trainer.datamodule.image_shape)  # type: ignore[attr-defined,arg-type]

    def state_dict(self) -> dict[str, Any]:
        """Whether the pruning is done, and its seconds."""
        return super().state_dict() | {"done": self.done}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where the checkpoint was written."""
        super().load_state_dict(state_dict)
        self.done = state_dict["done"]
