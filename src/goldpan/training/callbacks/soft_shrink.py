"""Soft shrinkage: the least weights lose a percentage of themselves again and again, then go.

J. Wang et al., Iterative Soft Shrinkage Learning for Efficient Image Super-Resolution, ICCV 2023,
arXiv 2303.09650: ISS-P. Behind an optimizer step the weights are ranked anew, and each one that
would be cut is multiplied by a ratio a:

    w <- a w where w is among the least, w <- w elsewhere.

It goes on learning, and grows back if it outgrows another one. What is left of a weight that stays
among the least for n times is a^n of it, gradients aside. In the end the masks of the last ranking
are cut for good. With a = 0 this is iterative hard thresholding (IHT), the paper's other way. The
optimizer's memory is left as it is until the cut, as in the authors' code.
"""

from typing import Any

import pytorch_lightning as pl
import torch

from goldpan.masks import masked_layers
from goldpan.training.callbacks.prune_during import PruneDuring
from goldpan.training.callbacks.pruner import ScoringData
from goldpan.training.length import Length
from goldpan.training.system import System


class SoftShrink(PruneDuring):
    """Shrinks what it would cut at the steps of `calendar`, and cuts at the last of them.

    It acts behind a step, so that an evaluation sees the shrunk network; nothing is due at step 0.

    Args:
        ratio: what one shrinking leaves of a weight, in [0, 1]; the percentage that it loses is
            100 (1 - ratio).
        parts, rest: those of PruneDuring. The schedule gives the fraction that a step shrinks.
    """

    def __init__(self, *parts: Any, ratio: float, **rest: Any) -> None:
        super().__init__(*parts, **rest)
        self.ratio = ratio

    def check(self, data: ScoringData, length: Length) -> None:
        """Make the calendar before any work.

        Raises ValueError as it does, or if the cut is due at step 0, behind no optimizer step.
        """
        super().check(data, length)
        if self.calendar(length.steps, length.epoch_steps)(0) == 1:
            raise ValueError(
                "this method shrinks and cuts behind optimizer steps, and its calendar has the cut "
                "at step 0, before the first; choose a later one in method.pruner.calendar"
            )

    def first_cut(self, length: Length) -> int:
        """The step behind which it first shrinks."""
        return max(0, super().first_cut(length) - 1)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Nothing; the optimizer's step comes first."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        """Shrink or cut behind the optimizer step, if that is due."""
        assert isinstance(pl_module, System)
        progress = self.progress(trainer.global_step)
        if progress == 1:
            self.prune_to(progress, trainer, pl_module)
        elif progress is not None:
            self._shrink(progress, trainer, pl_module)

    @torch.no_grad()
    def _shrink(self, progress: float, trainer: pl.Trainer, system: System) -> None:
        masks = self.choose_masks(trainer, system, self.finder(progress))
        for name, layer in masked_layers(system.net).items():
            layer.weight.mul_(torch.where(masks[name], 1.0, self.ratio))
