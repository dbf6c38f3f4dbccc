"""Quantisation and pruning of weights and activations in one training, in either order.

X. Zhang, I. Colbert, K. Kreutz-Delgado, S. Das, Training Deep Neural Networks with Joint
Quantization and Pruning of Weights and Activations, 2021, arXiv 2110.08271; the grids are those of
`goldpan.layers.quantized`. Weights are pruned by the method of the run. Here they become
quantised at one step and activations at another, all floats until then (delayed quantisation); and
activations are pruned: of each layer's input (C, H, W) those with the least mean |x| are set to 0,
by the cubic schedule. The two operations do not commute, so there are two orders:

- prune_first (P->Q): quantisation begins late. Weights are scored as floats; grids fit what is
  kept.
- quantize_first (Q->P): quantisation begins before the first cut. Weights are scored as quantised,
  of which many are equal; grids fit everything.

Interpretation: in the authors' CIFAR code the orders differ in their times alone, and floats are
scored in both: that is quantization.order=prune_first with early times. An activation is a
layer's input, and images are quantised and not pruned; there it is a norm's output. Its mean and
its grid are those of training images drawn for it, in evaluation, not those of the last training
batches. Exactly as many weights and activations are cut as asked, of equal ones the later; the
code keeps all equal ones.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any, ClassVar, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from goldpan.allocation.layerwise import layerwise
from goldpan.cost import size_in_bits
from goldpan.data.sampling import Sampling
from goldpan.duration import Written
from goldpan.layers.quantized import (
    FLOAT,
    Grid,
    Rounding,
    Values,
    best_exponent,
    choose_exponent,
    grids,
    plain_layers,
    quantizable,
    use_floats,
    use_values,
    write_weights,
)
from goldpan.masks import Masks
from goldpan.runs.results import QuantizationResult
from goldpan.stream import scoring_seed
from goldpan.training.callbacks.pruner import Pruner, ScoringData
from goldpan.training.callbacks.resumable import Resumable
from goldpan.training.input_statistics import InputStatistics, measure_inputs
from goldpan.training.length import Length, read_length
from goldpan.training.system import System
from goldpan.types import Calendar, Schedule

Order = Literal["prune_first", "quantize_first"]


class Quantize(Resumable):
    """Quantises weights and activations from given steps on, and prunes activations.

    Scores of weights never see quantised activations. At the end the quantised weights take the
    place of the floats in the network.

    Args:
        sampling: the training images by which activations are pruned and their grids chosen.
        weight_bits, activation_bits: from 2 to 16, or 32 for floats.
        start, activation_start: the steps from which weights and activations are quantised.
        activation_schedule: progress -> sparsity of the activations of each layer.
        activation_calendar: when activations are pruned; takes the steps of the run and an epoch.
    """

    kept: ClassVar[tuple[str, ...]] = ("weight_exponents", "input_exponents", "masks", "seconds")

    def __init__(
        self,
        sampling: Sampling,
        *,
        order: Order,
        weight_bits: int,
        activation_bits: int,
        start: Written,
        activation_start: Written,
        activation_sparsity: float,
        activation_schedule: Schedule,
        activation_calendar: Callable[[int, int], Calendar],
        rounding: Rounding = "toward_zero",
        seed: int = 0,
    ) -> None:
        self.sampling, self.seed = sampling, seed
        self.order, self.rounding = order, rounding
        self.weight_bits, self.activation_bits = weight_bits, activation_bits
        self.times = (start, activation_start)
        self.activation_sparsity = activation_sparsity
        self.schedule, self.calendar = activation_schedule, activation_calendar
        self.weight_exponents: dict[str, int] = {}
        self.input_exponents: dict[str, int] = {}
        self.masks: dict[str, Tensor] = {}
        self.seconds = 0.0

    @property
    def prune_first(self) -> bool:
        """Whether pruning comes before quantisation."""
        return self.order == "prune_first"

    def check(self, net: nn.Module, data: ScoringData, length: Length, pruner: Any) -> None:
        """Find all steps, and draw the images once, before any work.

        Raises ValueError if there are too few images or no layer to quantise, a time lies outside
        the training, or quantisation is first and does not begin before the pruner's first cut.
        """
        self._plan(length)
        if not quantizable(net):
            raise ValueError("no convolution or linear layer of this model can be quantised")
        if self.activation_bits < FLOAT or self.activation_sparsity:
            data.draw_batches(self.sampling, self.seed, torch.device("cpu"))
        for name, text, step in zip(
            ("start", "activation_start"), self.times, self.steps, strict=True
        ):
            if not 0 <= step < length.steps:
                raise ValueError(
                    f"quantization.{name}={text} is step {step}, outside a training of "
                    f"{length.steps} steps; choose an earlier one"
                )
        if self.prune_first or pruner is None or self.weight_bits == FLOAT:
            return
        first = pruner.first_cut(length)
        if first < self.steps[0]:
            when = "before training" if first < 0 else f"at step {first}"
            raise ValueError(
                f"quantization.order=quantize_first begins before the first cut; got step "
                f"{self.steps[0]}, and the method cuts {when}; choose an earlier "
                "quantization.start, a method that cuts later, or order=prune_first"
            )

    def _plan(self, length: Length) -> None:
        self.steps = [length.count(text) for text in self.times]
        calendar: Calendar = self.calendar(length.steps, length.epoch_steps)
        self.due: Calendar = calendar if self.activation_sparsity else lambda step: None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Find the steps, and have scores see the network as the order says."""
        assert isinstance(pl_module, System)
        self._plan(read_length(trainer))
        pl_module.scoring = lambda: self._scoring(pl_module.net)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on with what a run that was cut short had begun."""
        self.masks = {name: mask.to(pl_module.device) for name, mask in self.masks.items()}
        use_values(pl_module.net, self._values())  # type: ignore[arg-type]

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Prune or quantise, where that is due."""
        assert isinstance(pl_module, System)
        step, start = trainer.global_step, perf_counter()
        progress = self.due(step)
        prune = progress is not None and self.schedule(progress) > 0
        weights = step == self.steps[0] and self.weight_bits < FLOAT
        inputs = step == self.steps[1] and self.activation_bits < FLOAT
        if not (prune or weights or inputs):
            return
        if prune and self.prune_first:
            self._prune(trainer, pl_module, self.schedule(progress))  # type: ignore[arg-type]
        if weights:
            self._quantize_weights(trainer, pl_module)
        if inputs:
            self._quantize_inputs(trainer, pl_module)
        if prune and not self.prune_first:
            self._prune(trainer, pl_module, self.schedule(progress))  # type: ignore[arg-type]
        self.seconds += perf_counter() - start

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave plain layers, whose weights are the quantised ones."""
        assert isinstance(pl_module, System)
        use_floats(pl_module.net)
        write_weights(pl_module.net, self._values())

    def _prune(self, trainer: pl.Trainer, system: System, sparsity: float) -> None:
        def decide() -> dict[str, Tensor]:
            found = self._measure(trainer, system, [])
            saliency = {
                name: one.saliency
                for name, one in found.items()
                if one.saliency is not None and not one.of_images
            }
            alive = {n: torch.ones_like(one, dtype=torch.bool) for n, one in saliency.items()}
            return dict(layerwise(saliency, sparsity, Masks(alive))) if alive else {}

        masks = _shared(trainer, decide)
        self.masks = {name: mask.to(system.device) for name, mask in masks.items()}
        use_values(system.net, self._values())

    def _quantize_weights(self, trainer: pl.Trainer, system: System) -> None:
        def decide() -> dict[str, int]:
            return {
                name: choose_exponent(layer.weight, self.weight_bits, self.rounding)
                for name, layer in quantizable(system.net).items()
            }

        self.weight_exponents = _shared(trainer, decide)
        use_values(system.net, self._values())

    def _quantize_inputs(self, trainer: pl.Trainer, system: System) -> None:
        def decide() -> dict[str, int]:
            candidates = grids(self.activation_bits, self.rounding)
            found = self._measure(trainer, system, candidates)
            return {
                name: best_exponent(one.errors)
                for name, one in found.items()
                if one.saliency is not None  # evaluation does not use the others
            }

        self.input_exponents = _shared(trainer, decide)
        use_values(system.net, self._values())

    def _measure(
        self, trainer: pl.Trainer, system: System, candidates: list[Grid]
    ) -> dict[str, InputStatistics]:
        data: ScoringData = trainer.datamodule  # type: ignore[attr-defined]
        seed = scoring_seed(self.seed, trainer.global_step)
        batches = data.draw_batches(self.sampling, seed, system.device)
        values, first = self._values(), self.prune_first
        return measure_inputs(system.net, batches, values, candidates, prune_first=first)

    def _scoring(self, net: nn.Module) -> AbstractContextManager[None]:
        return plain_layers(net, self._values(), quantized=not self.prune_first)

    def _values(self) -> dict[str, Values]:
        """What each layer computes with from now on; none where it is all floats."""
        names = dict.fromkeys([*self.weight_exponents, *self.input_exponents, *self.masks])
        return {
            name: Values(
                self._grid(self.weight_bits, self.weight_exponents.get(name)),
                self._grid(self.activation_bits, self.input_exponents.get(name)),
                self.masks.get(name),
            )
            for name in names
        }

    def _grid(self, bits: int, exponent: int | None) -> Grid | None:
        return None if exponent is None else Grid(bits, exponent, self.rounding)

    def result(self, net: nn.Module) -> QuantizationResult:
        """What the record says of it; a cut weight takes no bits, and its place is not counted."""
        cut = sum(int((~mask).sum()) for mask in self.masks.values())
        return QuantizationResult(
            order=self.order,
            weight_bits=self.weight_bits,
            activation_bits=self.activation_bits,
            weight_exponents=dict(self.weight_exponents),
            activation_exponents=dict(self.input_exponents),
            activation_sparsity=cut / max(1, sum(mask.numel() for mask in self.masks.values())),
            size_in_bits=size_in_bits(net, dict.fromkeys(self.weight_exponents, self.weight_bits)),
            seconds=self.seconds,
        )


def in_order(pruner: Pruner | None, quantize: Quantize | None) -> list[pl.Callback]:
    """Both callbacks as they are to act where both are due at one step."""
    found: list[pl.Callback] = [one for one in (pruner, quantize) if one is not None]
    return found if quantize is None or quantize.prune_first else found[::-1]


def _shared(trainer: pl.Trainer, decide: Callable[[], Any]) -> Any:
    """What rank 0 decides, on every rank."""
    if trainer.world_size == 1:
        return decide()
    return trainer.strategy.broadcast(decide() if trainer.is_global_zero else None)
