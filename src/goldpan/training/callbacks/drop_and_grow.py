"""Dynamic sparse training: on a calendar weights are dropped and others are grown.

SET, RigL, ITOP, GraNet and SNFS are this callback with other parts; `goldpan.regrowth` has them.
"""

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from goldpan.data.sampling import Sampling
from goldpan.duration import Duration, Written
from goldpan.masks import Masks, mask_weights, masked_layers, read_masks
from goldpan.regrowth.drop import magnitude
from goldpan.regrowth.grow import random
from goldpan.regrowth.update import CountLayers, LayerState, ScoreLayer, update_masks
from goldpan.runs.results import RegrowthResult
from goldpan.stream import stream
from goldpan.training.callbacks.mask_history import MaskHistory
from goldpan.training.callbacks.prune_before import PruneBefore, PruneOnce
from goldpan.training.callbacks.pruner import Pruner, ScoringData
from goldpan.training.length import Length, read_length
from goldpan.training.system import System
from goldpan.types import Allocator, Calendar, Schedule, Scorer


class DropAndGrow(PruneBefore):
    """Prunes before training, then updates the masks at the steps of `calendar`.

    An update first prunes to the schedule's sparsity, if that rises, then drops a fraction of the
    kept weights and grows others. Weights that grow start from zero, with zero momentum.

    Args:
        scorer, allocator: of the first masks, at the schedule's sparsity for progress 0.
        schedule: sparsity by the progress of the run up to `prune_until`, a duration.
        pruning: how masks are pruned further where the schedule rises, by magnitude.
        calendar: takes the steps of the run and of an epoch.
        fraction: progress of the calendar -> fraction of a layer's kept weights that is dropped.
        replaces_step: an update takes the place of the optimizer step, as in RigL; if not it comes
            after the step, with the gradient that the step has used.
        restart: a weight that is dropped and grown in the same update starts from zero too, as in
            FreeTickets; if not it goes on, as in RigL, ITOP and GraNet.
        newborn_deviation: weights that grow are drawn from N(0, deviation^2), as in SET's tutorial.
        dense_momentum: the optimizer sees the gradients of cut weights too, and weights that grow
            have the momentum that has gathered there, as in SNFS.
        explorations: a calendar of steps at which the fraction is `exploration` instead, as in
            FreeTickets' EDST.

    Raises:
        ValueError: as the calendars do, when the steps of the run are known.
    """

    kept: ClassVar[tuple[str, ...]] = (*PruneBefore.kept, "history_state")

    def __init__(
        self,
        scorer: Scorer,
        allocator: Allocator,
        schedule: Schedule,
        sampling: Sampling,
        *,
        calendar: Callable[[int, int], Calendar],
        fraction: Callable[[float], float],
        grow: ScoreLayer,
        count: CountLayers,
        drop: ScoreLayer = magnitude,
        pruning: Allocator | None = None,
        prune_until: Written = "1.0",
        replaces_step: bool = False,
        restart: bool = False,
        newborn_deviation: float = 0.0,
        dense_momentum: bool = False,
        explorations: Callable[[int, int], Calendar] | None = None,
        exploration: float = 0.8,
        **rest: Any,
    ) -> None:
        super().__init__(scorer, allocator, lambda _: schedule(0.0), sampling, **rest)
        self.target, self.pruning, self.prune_until = schedule, pruning, prune_until
        self.calendar, self.fraction = calendar, fraction
        self.drop, self.grow, self.count = drop, grow, count
        self.replaces_step, self.restart = replaces_step, restart
        self.newborn_deviation, self.dense_momentum = newborn_deviation, dense_momentum
        self.explorations, self.exploration = explorations, exploration
        self.history = MaskHistory()
        self.gradients: dict[str, Tensor] | None = None

    @property
    def history_state(self) -> dict[str, Any]:
        """What a checkpoint keeps of the masks so far."""
        return self.history.state_dict()

    @history_state.setter
    def history_state(self, state: dict[str, Any]) -> None:
        self.history.load_state_dict(state)

    @property
    def sees_cut_gradients(self) -> bool:
        """Whether weights grow by what the loss says of them, not at random."""
        grow = self.grow.func if isinstance(self.grow, partial) else self.grow
        return grow is not random or self.dense_momentum

    @property
    def regrowth(self) -> RegrowthResult:
        """What the record says of how the masks moved."""
        return self.history.result()

    def check(self, data: ScoringData, length: Length) -> None:
        """Make the calendars before any work; raises ValueError as they do."""
        super().check(data, length)
        self._plan(length)

    def _plan(self, length: Length) -> None:
        run_steps, epoch_steps = length.steps, length.epoch_steps
        self.progress = self.calendar(run_steps, epoch_steps)
        explorations = self.explorations or (lambda *_: lambda step: None)
        self.explores = explorations(run_steps, epoch_steps)
        self.last_pruning = Duration.parse(self.prune_until).steps(run_steps, epoch_steps)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make the calendars, and begin the masks' history."""
        assert isinstance(pl_module, System)
        self._plan(read_length(trainer))
        pl_module.dense_momentum = self.dense_momentum
        self.history.begin(read_masks(pl_module.net))

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Update the masks instead of the step, or keep its gradients for an update behind it."""
        # Lightning 2.6.6 calls this before the module's hook of the same name, which zeroes the
        # gradients of cut weights, and after a scaler has unscaled them.
        assert isinstance(pl_module, System)
        step = trainer.global_step
        if not self.replaces_step:
            if self._fraction(step + 1) is not None:
                self.gradients = {name: g.clone() for name, g in _gradients(pl_module).items()}
        elif (fraction := self._fraction(step)) is not None:
            self._update(trainer, pl_module, step, fraction, _gradients(pl_module))
            pl_module.skip_step()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        """Update the masks behind the optimizer step, if that is due."""
        assert isinstance(pl_module, System)
        if self.dense_momentum:
            mask_weights(pl_module.layers)  # the step has moved cut weights too
        step = trainer.global_step
        if self.gradients is not None and (fraction := self._fraction(step)) is not None:
            self._update(trainer, pl_module, step, fraction, self.gradients)
        self.gradients = None

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the masks of this epoch for the record."""
        self.history.note(read_masks(pl_module.net))  # type: ignore[arg-type]

    def _fraction(self, step: int) -> float | None:
        """The fraction to drop at this step; None where no update is due."""
        if self.explores(step) is not None:
            return self.exploration
        progress = self.progress(step)
        return None if progress is None else self.fraction(progress)

    def _update(
        self,
        trainer: pl.Trainer,
        system: System,
        step: int,
        fraction: float,
        gradients: dict[str, Tensor],
    ) -> None:
        start = perf_counter()
        before = read_masks(system.net)

        def decide() -> tuple[Masks, Masks]:
            alive = self._prune(system, step, before)
            optimizer = trainer.optimizers[0]
            layers = {
                name: LayerState(
                    name,
                    step,
                    layer.weight.detach(),
                    alive[name],
                    gradients.get(name),
                    _momentum(optimizer, layer.weight),
                )
                for name, layer in masked_layers(system.net).items()
            }
            return update_masks(layers, fraction, self.drop, self.grow, self.count)

        masks, grown = self.share(trainer, system, decide)
        newborn = {
            name: new if self.restart else new & ~before[name] for name, new in grown.items()
        }
        # In two steps: what is dropped and grown again at once loses its value if it restarts.
        system.change_masks(Masks({name: mask & ~newborn[name] for name, mask in masks.items()}))
        system.change_masks(masks)
        self._draw_newborn(system, newborn, step)
        self.history.update(before, masks)
        self.seconds += perf_counter() - start

    def _prune(self, system: System, step: int, alive: Masks) -> Masks:
        """The masks pruned by magnitude to the schedule's sparsity, if that has risen."""
        sparsity = self.target(min(1.0, step / max(1, self.last_pruning)))
        if self.pruning is None or sparsity <= alive.sparsity:
            return alive
        weights = {name: layer.weight.detach() for name, layer in masked_layers(system.net).items()}
        return self.pruning({name: w.abs() for name, w in weights.items()}, sparsity, alive)

    @torch.no_grad()
    def _draw_newborn(self, system: System, newborn: dict[str, Tensor], step: int) -> None:
        if not self.newborn_deviation:
            return
        for name, layer in masked_layers(system.net).items():
            generator = stream(self.seed, "newborn", step, name)
            drawn = torch.randn(layer.weight.shape, generator=generator).to(layer.weight)
            layer.weight.addcmul_(drawn, newborn[name], value=self.newborn_deviation)


def _gradients(system: System) -> dict[str, Tensor]:
    layers = masked_layers(system.net).items()
    return {name: g for name, layer in layers if (g := layer.weight.grad) is not None}


def _momentum(optimizer: Optimizer, weight: Tensor) -> Tensor | None:
    """What the optimizer remembers of the weight's gradients: SGD's buffer, Adam's first moment."""
    state = optimizer.state.get(weight, {})
    found: Tensor | None = state.get("momentum_buffer", state.get("exp_avg"))
    return found


def keeps_masks(pruner: Pruner | None) -> bool:
    """Whether a pruner cuts before the training alone, and no mask changes after that."""
    return isinstance(pruner, PruneOnce) and not isinstance(pruner, DropAndGrow)
