"""Growing regularization: an L2 penalty that grows on the weights to be cut, then they are cut.

H. Wang et al., Neural Pruning via Growing Regularization, ICLR 2021, arXiv 2012.09243. Each step
adds factor * w to the gradient, with a factor for each weight. GReg-1 chooses the weights first and
raises the factor of those alone. GReg-2 raises that of all alike until flat and curved directions
have shrunk apart, chooses then, and raises the factor of the chosen ones further.
"""

from functools import partial
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from goldpan.data.sampling import Sampling
from goldpan.duration import Written
from goldpan.masks import Masks, masked_layers
from goldpan.rounds import prune_in_rounds, shuffle
from goldpan.training.callbacks.pruner import Pruner, ScoringData
from goldpan.training.growth import Growth
from goldpan.training.length import Length, read_length
from goldpan.training.system import System
from goldpan.types import Allocator, DrawBatches, OnRound, Schedule, Scorer


class GrowingPenalty(Pruner):
    """Chooses weights, shrinks them by a growing penalty, and cuts them at once.

    Factors follow from the training step alone and are the same in every layer, so that a
    checkpoint needs to keep only which weights were chosen.

    Args:
        schedule: its value at progress 1 is the sparsity.
        begin, choose, end, cut, interval: times, as `Growth` has them.
        separation, ceiling, recovery: factors, as `Growth` has them.
    """

    kept: ClassVar[tuple[str, ...]] = (*Pruner.kept, "spared")

    def __init__(
        self,
        scorer: Scorer,
        allocator: Allocator,
        schedule: Schedule,
        sampling: Sampling,
        *,
        begin: Written,
        end: Written,
        cut: Written,
        interval: Written,
        ceiling: float,
        choose: Written | None = None,
        separation: float = 0.0,
        recovery: float = 0.0,
        invert: bool = False,
        **controls: Any,
    ) -> None:
        super().__init__(sampling, **controls)
        self.growth = Growth(
            begin=begin,
            choose=choose,
            end=end,
            cut=cut,
            interval=interval,
            separation=separation,
            ceiling=ceiling,
            recovery=recovery,
        )
        self.prune = partial(
            prune_in_rounds,
            scorer=scorer,
            allocator=allocator,
            schedule=lambda _: schedule(1.0),
            invert=invert,
        )
        self.spared: dict[str, Tensor] | None = None  # True where not chosen; None: not chosen yet

    def check(self, data: ScoringData, length: Length) -> None:
        """Find the steps of all times before any work.

        Raises ValueError if they are not in order, or the run ends before the cut.
        """
        super().check(data, length)
        self.plan(length)

    def first_cut(self, length: Length) -> int:
        """The step at which the weights to cut are chosen."""
        self.plan(length)
        return self.growth.choose

    def plan(self, length: Length) -> None:
        """Find the steps of all times; raises ValueError as `check`."""
        self.growth.plan(length, length.steps - 1)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Find the steps, and move the choice of a resumed run to the network's device."""
        self.plan(read_length(trainer))
        if self.spared is not None:
            self.spared = {name: mask.to(pl_module.device) for name, mask in self.spared.items()}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Choose or cut, where that is due."""
        assert isinstance(pl_module, System)
        if trainer.global_step == self.growth.choose:
            self._choose(trainer, pl_module)
        if trainer.global_step == self.growth.last:
            if self.reinitialize:
                pl_module.reinitialize(self.seed + 1)
            assert self.spared is not None
            pl_module.change_masks(Masks(self.spared))

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Add factor * w to the gradient of each weight."""
        assert isinstance(pl_module, System)
        chosen, others = self.growth.factors(trainer.global_step)
        if chosen == others == 0:
            return
        pl_module.check_unscaled("adds to gradients")
        for name, layer in masked_layers(pl_module.net).items():
            weight, gradient = layer.weight.detach(), layer.weight.grad
            assert gradient is not None
            if self.spared is None:
                gradient.add_(weight, alpha=chosen)
            else:
                gradient.add_(weight * torch.where(self.spared[name], others, chosen))

    def _choose(self, trainer: pl.Trainer, system: System) -> None:
        """Decide on rank 0 which weights will be cut; the network's masks stay as they are."""

        def find(_: pl.Trainer, system: System, draw: DrawBatches, on_round: OnRound) -> Masks:
            return self.prune(system.net, draw=draw, loss=system.loss, on_round=on_round)

        masks = self.choose_masks(trainer, system, find)
        self.spared = dict(shuffle(masks, self.seed) if self.shuffle else masks)
