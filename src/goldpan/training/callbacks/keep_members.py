"""Keeps a network of each phase of one training, as members of an ensemble.

S. Liu et al., FreeTickets, ICLR 2022, arXiv 2106.14568 (EDST ensemble; its code's main_EDST.py).
There the first phase competes with the exploration before it: its network is kept only if its
validation accuracy beats that of every epoch before. Here each phase stands alone, so that there
are as many members as phases.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytorch_lightning as pl

from goldpan.files import write_rows
from goldpan.runs.checkpoint import save
from goldpan.runs.curve import Row
from goldpan.training.callbacks.csv_curve import read_metrics
from goldpan.training.callbacks.resumable import Resumable
from goldpan.types import Calendar

MEMBERS = "members.csv"
"""The file in a run's folder that lists the networks it has kept: member, epoch, accuracies."""


def weights_of(member: int) -> str:
    """The file of the weights of a member, counted from 1."""
    return f"member{member}.pt"


class KeepMembers(Resumable):
    """Writes the network of each phase: that of its best or of its last epoch.

    The best is meant for methods of one sparsity: where it rises, an early epoch may be the best.

    Args:
        calendar: where phases begin; what was before the first gives no member. A phase ends before
            the step at which the next begins, so that a change to the network at that step, such
            as an exploration, belongs to the next.
        select: "best" by validation accuracy, the first of equals, as in the paper; or "last".

    Raises:
        ValueError: if there is no phase, or if one holds no end of an epoch.
    """

    kept = ("rows",)

    def __init__(
        self,
        folder: Path,
        epochs: int,
        epoch_steps: int,
        *,
        calendar: Callable[[int, int], Calendar],
        select: Literal["best", "last"] = "best",
    ) -> None:
        self.folder, self.epoch_steps, self.select = folder, epoch_steps, select
        due = calendar(epochs * epoch_steps, epoch_steps)
        self.begins = [step for step in range(epochs * epoch_steps) if due(step) is not None]
        ended = {self._phase(epoch) for epoch in range(1, epochs + 1)}
        if not self.begins or not ended >= {*range(1, len(self.begins) + 1)}:
            raise ValueError(
                f"expected phases that each hold the end of an epoch, got those that begin at the "
                f"steps {self.begins} of {epochs} epochs of {epoch_steps}; change "
                "method.members.calendar or recipe.epochs"
            )
        self.rows = dict[int, Row]()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the weights, if they are to take the place of those of an earlier epoch."""
        epoch = trainer.current_epoch + 1
        member, metrics = self._phase(epoch), read_metrics(trainer)
        names = [name for name in ("val/accuracy", "test/accuracy") if name in metrics]
        before = self.rows.get(member)
        worse = before is not None and metrics["val/accuracy"] <= before["val/accuracy"]
        if member == 0 or (self.select == "best" and worse):
            return
        self.rows[member] = {"member": member, "epoch": epoch} | {n: metrics[n] for n in names}
        if trainer.is_global_zero:
            save(pl_module.net.state_dict(), self.folder / weights_of(member))  # type: ignore[union-attr]
            write_rows(self.folder / MEMBERS, list(self.rows.values()))

    def _phase(self, epoch: int) -> int:
        """The phase that the end of an epoch belongs to, from 1; 0 before the first."""
        return sum(begin < epoch * self.epoch_steps for begin in self.begins)
