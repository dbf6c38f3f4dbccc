"""Trains a fixed part of a network, its core, and the whole of it in turn, with shared weights.

A. Mohtashami et al., Masked Training of Neural Networks with Partial Gradients, AISTATS 2022, PMLR
151, arXiv 2106.08895; v1 is Simultaneous Training of Partially Masked Neural Networks, whose scheme
"switches consecutively between optimizing only the core part of the network and the full one". With
the core's mask p,

    a core step is  w <- w - lr p * dL(p * w),  a full step  w <- w - lr dL(w).

*Interpretation*, as there is no code and only the abstracts could be read: how many steps each turn
has; that what the optimizer remembers of weights outside the core pauses in core steps, as these
weights do (no momentum, no decay); that biases and norms belong to both networks, and that the core
has running statistics of its own, as its activations differ.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Optimizer

from goldpan.layers.masked import MaskedLayer
from goldpan.masks import Masks, masked_layers, memory_of, read_masks, set_masks, write_masks
from goldpan.runs.checkpoint import save
from goldpan.runs.curve import Row
from goldpan.training.callbacks.csv_curve import read_metrics
from goldpan.training.callbacks.resumable import Resumable
from goldpan.training.system import System

State = dict[str, Tensor]


class TrainInTurn(Resumable):
    """Takes what a pruner keeps before the training as the core, and gives the rest back.

    It must come before the pruner among the callbacks. Each turn has `core_steps` of the core, then
    `full_steps` of the whole network. Validation measures the core; the whole network's accuracy is
    logged beside it, as val/full_accuracy and test/full_accuracy. In the end the core is in the
    network, and `path` has the weights of the whole one.

    `rows` has the accuracies of the whole network at each evaluation, named as those of a curve.
    """

    kept: ClassVar[tuple[str, ...]] = ("core", "statistics", "rows")

    def __init__(self, path: Path, core_steps: int = 1, full_steps: int = 1) -> None:
        self.path, self.core_steps, self.full_steps = path, core_steps, full_steps
        self.core: State = {}  # the masks
        self.statistics: State = {}  # of the norms, of the network that is not in
        self.rows: list[Row] = []
        self.outside: State = {}  # the weights, while the core is in
        self.memories: dict[str, State] = {}  # the optimizer's of them
        self.counts: dict[str, Tensor] = {}  # of the whole network: correct answers, images

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remember the whole network before the pruner cuts; a resumed run has its core."""
        if not self.core:
            self.outside = _weights(pl_module.net)  # type: ignore[arg-type]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the masks for the core, and give the weights outside it back."""
        net: nn.Module = pl_module.net  # type: ignore[assignment]
        if not self.core:
            self.core, self.statistics = dict(read_masks(net)), _statistics(net)
            self._leave(net, None)
        self.core = {name: mask.to(pl_module.device) for name, mask in self.core.items()}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Put the core in, if it is its turn."""
        if trainer.global_step % (self.core_steps + self.full_steps) < self.core_steps:
            self._enter(pl_module.net, trainer.optimizers[0])  # type: ignore[arg-type]

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Put the whole network in again after a core step."""
        if self.outside:
            self._leave(pl_module.net, trainer.optimizers[0])  # type: ignore[arg-type]

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the core in: it is what the run is about."""
        if trainer.state.fn == TrainerFn.FITTING:
            self.counts = {}
            self._enter(pl_module.net, None)  # type: ignore[arg-type]

    @torch.no_grad()
    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count the correct answers of the whole network."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        assert isinstance(pl_module, System)
        images, labels = batch
        with trainer.precision_plugin.forward_context():
            logits = functional_call(pl_module.net, {**self.outside, **self.statistics}, (images,))
        correct = (logits.argmax(1) == labels).sum()
        counts = torch.stack([correct, correct.new_tensor(len(labels))])
        split = pl_module.splits[dataloader_idx]
        self.counts[split] = self.counts.get(split, 0) + counts

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the whole network's accuracy (%) of each split, summed over the ranks."""
        for split, counts in self.counts.items():
            total = trainer.strategy.reduce(counts, reduce_op="sum")
            correct, images = torch.as_tensor(total).tolist()
            pl_module.log(f"{split}/full_accuracy", 100 * correct / images, sync_dist=True)
        self.counts = {}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the accuracies, and put the whole network in again."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        self._leave(pl_module.net, None)  # type: ignore[arg-type]
        row: Row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step, "sparsity": 0}
        for name, value in read_metrics(trainer).items():
            if name.endswith("/full_accuracy"):
                row[name.replace("full_", "")] = value
        self.rows.append(row)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the whole network, and leave the core in the network.

        A run that was cut short after its last step comes here without a step.
        """
        if trainer.is_global_zero:
            save(pl_module.net.state_dict(), self.path)  # type: ignore[union-attr]
        self._enter(pl_module.net, None)  # type: ignore[arg-type]

    def _enter(self, net: nn.Module, optimizer: Optimizer | None) -> None:
        """Put the core in the network; before a step, remember what the optimizer does."""
        self.outside = _weights(net)
        self.memories = {} if optimizer is None else _memories(masked_layers(net), optimizer)
        write_masks(net, Masks(self.core))
        self._swap_statistics(net)

    @torch.no_grad()
    def _leave(self, net: nn.Module, optimizer: Optimizer | None) -> None:
        """Put the whole network in: outside the core, with the weights that were remembered."""
        layers = masked_layers(net)
        set_masks(net, Masks({name: torch.ones_like(mask) for name, mask in self.core.items()}))
        for name, layer in layers.items():
            layer.weight.copy_(torch.where(self.core[name], layer.weight, self.outside[name]))
        for name, memory in self.memories.items():
            assert optimizer is not None
            for part, before in memory.items():
                now = optimizer.state[layers[name].weight][part]
                now.copy_(torch.where(self.core[name], now, before))
        self.outside, self.memories = {}, {}
        self._swap_statistics(net)

    @torch.no_grad()
    def _swap_statistics(self, net: nn.Module) -> None:
        """Exchange the running statistics in the network with those of the other."""
        found, buffers = _statistics(net), dict(net.named_buffers())
        for name, other in self.statistics.items():
            buffers[name].copy_(other)
        self.statistics = found


def _weights(net: nn.Module) -> State:
    """Copies of the prunable weights, by name."""
    return {name: layer.weight.detach().clone() for name, layer in masked_layers(net).items()}


def _statistics(net: nn.Module) -> State:
    """Copies of all buffers but the masks, by name."""
    masks = {f"{name.removesuffix('weight')}mask" for name in masked_layers(net)}
    return {name: value.clone() for name, value in net.named_buffers() if name not in masks}


def _memories(layers: Mapping[str, MaskedLayer], optimizer: Optimizer) -> dict[str, State]:
    """Copies of what the optimizer remembers of each prunable weight, a number for each place."""
    return {
        name: {part: memory.clone() for part, memory in memory_of(optimizer, layer.weight).items()}
        for name, layer in layers.items()
    }
