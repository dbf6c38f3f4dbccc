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
from goldpan.masks import Masks, masked_layers, read_masks, set_masks
from goldpan.rounds import prune_in_rounds, shuffle
from goldpan.training.callbacks.pruner import Pruner, ScoringData
from goldpan.training.classifier import Classifier
from goldpan.training.length import Length, read_length
from goldpan.types import Allocator, DrawBatches, OnRound, Schedule, Scorer


class GrowingPenalty(Pruner):
    """Chooses weights, shrinks them by a growing penalty, and cuts them at once.

    Factors follow from the training step alone and are the same in every layer, so that a
    checkpoint needs to keep only which weights were chosen.

    Args:
        schedule: its value at progress 1 is the sparsity.
        begin: when the penalty begins to grow.
        choose: when weights are chosen, by the scores of that moment; None: at `begin`.
        end: when the penalty has grown.
        cut: when the chosen weights are cut; until then the penalty stays.
        interval: between two updates of the factors; the first is at `begin`, one at `choose`.
        separation: the factor of all weights just before they are chosen.
        ceiling: the factor of the chosen weights from the last update on.
        recovery: the factor of the other weights from then on until the cut; negative ones
            undo weight decay.
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
        self.times = (begin, begin if choose is None else choose, end, cut)
        self.interval = interval
        self.separation, self.ceiling, self.recovery = separation, ceiling, recovery
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
        return self.choose

    def plan(self, length: Length) -> None:
        """Find the steps of all times; raises ValueError as `check`."""
        self.begin, self.choose, self.end, self.last = map(length.count, self.times)
        self.stride = max(1, length.count(self.interval))
        if not self.begin <= self.choose < self.end <= self.last < length.steps:
            raise ValueError(
                "a growing penalty needs begin <= choose < end <= cut within the training; got "
                f"steps {self.begin}, {self.choose}, {self.end}, {self.last} of {length.steps}"
            )

    def factors(self, step: int) -> tuple[float, float]:
        """The penalty's factors at a step: of the chosen weights, and of the others.

        Before the choice all weights have both alike. They rise with each update by the same
        amount: to `separation`, then on to `ceiling`.
        """
        if not self.begin <= step < self.last:
            return 0.0, 0.0
        if step < self.choose:
            factor = self.separation * self._grown(step, self.begin, self.choose)
            return factor, factor
        grown = self._grown(step, self.choose, self.end)
        return self.separation + (self.ceiling - self.separation) * grown, self.recovery

    def _grown(self, step: int, first: int, end: int) -> float:
        """The fraction of the updates from `first` until before `end` that are done at a step."""
        updates = -(-(end - first) // self.stride)
        return min(1.0, ((step - first) // self.stride + 1) / updates)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Find the steps, and move the choice of a resumed run to the network's device."""
        self.plan(read_length(trainer))
        if self.spared is not None:
            self.spared = {name: mask.to(pl_module.device) for name, mask in self.spared.items()}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Choose or cut, where that is due."""
        assert isinstance(pl_module, Classifier)
        if trainer.global_step == self.choose:
            self._choose(trainer, pl_module)
        if trainer.global_step == self.last:
            if self.reinitialize:
                pl_module.reinitialize(self.seed + 1)
            assert self.spared is not None
            pl_module.change_masks(Masks(self.spared))

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Add factor * w to the gradient of each weight."""
        assert isinstance(pl_module, Classifier)
        chosen, others = self.factors(trainer.global_step)
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

    def _choose(self, trainer: pl.Trainer, system: Classifier) -> None:
        """Decide on rank 0 which weights will be cut; the network's masks stay as they are."""

        def find(_: pl.Trainer, system: Classifier, draw: DrawBatches, on_round: OnRound) -> Masks:
            before = read_masks(system.net)
            masks = self.prune(system.net, draw=draw, loss=system.loss, on_round=on_round)
            set_masks(system.net, before)
            return masks

        (masks,) = self.share(trainer, system, lambda: (self._find(trainer, system, find, 1),))
        self.spared = dict(shuffle(masks, self.seed) if self.shuffle else masks)
