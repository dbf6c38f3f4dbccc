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
from pytorch_lightning.trainer.states import TrainerFn

from goldpan.files import write_rows
from goldpan.runs.checkpoint import save
from goldpan.runs.curve import Row
from goldpan.training.callbacks.csv_curve import read_metrics
from goldpan.training.callbacks.resumable import Resumable
from goldpan.training.length import Length
from goldpan.types import Calendar

MEMBERS = "members.csv"
"""The file in a run's folder that lists the networks it has kept: member, place, accuracies."""


def weights_of(member: int) -> str:
    """The file of the weights of a member, counted from 1."""
    return f"member{member}.pt"


class KeepMembers(Resumable):
    """Writes the network of each phase: that of its best or of its last evaluation.

    The best is meant for methods of one sparsity: where it rises, an early one may be the best.

    Args:
        length: of the training.
        every: steps between two evaluations.
        calendar: where phases begin; what was before the first gives no member. A phase ends before
            the step at which the next begins, so that a change to the network at that step, such
            as an exploration, belongs to the next.
        select: "best" by validation accuracy, the first of equals, as in the paper; or "last".

    Raises:
        ValueError: if there is no phase, or if one holds no evaluation.
    """

    kept = ("rows",)

    def __init__(
        self,
        folder: Path,
        length: Length,
        every: int,
        *,
        calendar: Callable[[int, int], Calendar],
        select: Literal["best", "last"] = "best",
    ) -> None:
        self.folder, self.select = folder, select
        due = calendar(length.steps, length.epoch_steps)
        self.begins = [step for step in range(length.steps) if due(step) is not None]
        measured = {
            self._phase(step) for step in (*range(every, length.steps, every), length.steps)
        }
        if not self.begins or not measured >= {*range(1, len(self.begins) + 1)}:
            raise ValueError(
                f"expected phases with an evaluation each, got those that begin at the steps "
                f"{self.begins} of {length.steps}, evaluated each {every} steps; change "
                "method.members.calendar or recipe.epochs"
            )
        self.rows = dict[int, Row]()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the weights, if they are to take the place of those of an earlier evaluation."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        step = trainer.global_step
        member, metrics = self._phase(step), read_metrics(trainer)
        names = [name for name in ("val/accuracy", "test/accuracy") if name in metrics]
        before = self.rows.get(member)
        worse = before is not None and metrics["val/accuracy"] <= before["val/accuracy"]
        if member == 0 or (self.select == "best" and worse):
            return
        place = {"member": member, "epoch": trainer.current_epoch + 1, "step": step}
        self.rows[member] = place | {name: metrics[name] for name in names}
        if trainer.is_global_zero:
            save(pl_module.net.state_dict(), self.folder / weights_of(member))  # type: ignore[union-attr]
            write_rows(self.folder / MEMBERS, list(self.rows.values()))

    def _phase(self, step: int) -> int:
        """The phase, from 1, of an evaluation after `step` steps; 0 before the first."""
        return sum(begin < step for begin in self.begins)
