"""Pruning before training: the masks are found on the untrained network and then stay."""

from abc import ABC, abstractmethod
from functools import partial
from typing import Any, ClassVar

import pytorch_lightning as pl

from goldpan.cost import check_connected
from goldpan.data.sampling import Sampling
from goldpan.masks import Masks
from goldpan.rounds import prune_in_rounds
from goldpan.runs.refusal import Refusal
from goldpan.schedules.rounding import nearest
from goldpan.training.callbacks.pruner import Pruner
from goldpan.training.system import System
from goldpan.types import Allocator, DrawBatches, OnRound, Rounding, Schedule, Scorer


class PruneOnce(Pruner, ABC):
    """Prunes before the first training step, once: a resumed run keeps its masks."""

    kept: ClassVar[tuple[str, ...]] = ("seconds", "done")

    def __init__(self, sampling: Sampling, *, rounds: int = 1, **controls: Any) -> None:
        super().__init__(sampling, **controls)
        self.rounds, self.done = rounds, False

    @property
    def sees_cut_gradients(self) -> bool:
        """Not once it has cut."""
        return False

    @abstractmethod
    def find(
        self, trainer: pl.Trainer, system: System, draw: DrawBatches, on_round: OnRound
    ) -> Masks:
        """The masks that the method finds."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Prune the network, once.

        Raises Refusal if its scores cannot tell weights apart, LayerCollapse if nothing connects
        input and output any more.
        """
        if self.done:  # Lightning 2.6.6 restores the state of a callback before this hook
            return
        try:
            self.cut(trainer, pl_module, self.find, self.rounds, last=True)  # type: ignore[arg-type]
        except ValueError as error:
            raise Refusal(str(error)) from error
        self.done = True
        check_connected(pl_module.net, trainer.datamodule.image_shape)  # type: ignore[attr-defined,arg-type]


class PruneBefore(PruneOnce):
    """Scores and cuts in `rounds`; see `prune_in_rounds` for `rounding`, `revive`, `invert`."""

    def __init__(
        self,
        scorer: Scorer,
        allocator: Allocator,
        schedule: Schedule,
        sampling: Sampling,
        *,
        rounding: Rounding = nearest,
        revive: bool = False,
        invert: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(sampling, **rest)
        self.prune = partial(
            prune_in_rounds,
            scorer=scorer,
            allocator=allocator,
            schedule=schedule,
            rounding=rounding,
            revive=revive,
            invert=invert,
        )

    def find(
        self, trainer: pl.Trainer, system: System, draw: DrawBatches, on_round: OnRound
    ) -> Masks:
        """Score and mask in each round, to the sparsity that the schedule gives."""
        return self.prune(
            system.net, draw=draw, loss=system.loss, rounds=self.rounds, on_round=on_round
        )
