"""What Lightning trains, whatever the task: a masked network, a loss, an optimizer.

A task adds what is measured beside the loss: the accuracy of `goldpan.training.classifier`, the
PSNR of `goldpan.training.super_resolver`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from math import isfinite
from typing import Any, ClassVar, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from goldpan.layers.sparse_linear import use_dense, use_sparse
from goldpan.masks import Masks, mask_gradients, mask_optimizer, masked_layers, write_masks
from goldpan.stream import stream
from goldpan.training.kept_steps import pack, unpack, unpack_memory
from goldpan.training.length import read_length
from goldpan.training.parameter_groups import Groups, parameter_groups
from goldpan.types import Batch, Loss, Penalty

Counts = Tensor
"""[sum of the loss, sum of the metric, images], float32."""

SPLITS = ("val", "test")


class System(pl.LightningModule, ABC):
    """Trains `build(seed)`; cut weights stay zero whatever the optimizer.

    Its `metric` is measured on the test split next to the validation split, for the record: nothing
    is ever selected on it.

    Callbacks that change the network while it trains call `change_masks`, `skip_step` and
    `replace_network`; their `on_before_optimizer_step` sees the gradients of cut weights too. One
    that sets `dense_momentum` lets the optimizer see them, and zeroes cut weights after each step.
    One that sets `scoring`, a function, has its context entered wherever weights are chosen.

    Args:
        loss: of what the network returns and the batch's target; a mean over the images.
        bounded: the optimizer's options for the scales of bounded norms; `rate` among them
            multiplies their learning rate.
        decay: the fraction by which each step shrinks all parameters, whatever the learning rate,
            as in SET's code: w <- w + v - decay * w, v the step of the optimizer.
        rate_moves: whether the learning rate may change at each epoch or at each step.
        compiled: whether torch.compile makes the training's passes, or the mode that it is given.
        sparse_linear: whether linear layers with few kept weights compute with those alone while
            it trains; no callback may then ask for gradients of cut weights.
    """

    metric: ClassVar[str]
    """The name of what is measured, a mean over images; it is logged as train/, val/ and test/."""

    unit: ClassVar[float] = 1.0
    """What one of `measure` is, in the metric's unit."""

    def __init__(
        self,
        build: Callable[[int], nn.Module],
        seed: int,
        optimizer: Callable[[Groups], Optimizer],
        learning_rate: Callable[[float], float],
        *,
        loss: Loss,
        penalty: Penalty | None = None,
        bounded: Mapping[str, float] | None = None,
        splits: Sequence[str] = SPLITS,
        decay: float = 0.0,
        rate_moves: Literal["epoch", "step"] = "epoch",
        channels_last: bool = False,
        compiled: bool | str = False,
        sparse_linear: bool = False,
    ) -> None:
        super().__init__()
        self.build, self.seed = build, seed
        self.optimizer, self.learning_rate, self.rate_moves = optimizer, learning_rate, rate_moves
        self.loss = loss
        self.penalty, self.bounded, self.splits = penalty, bounded, splits
        self.layout = torch.channels_last if channels_last else torch.preserve_format
        self.compiled, self.skips, self.dense_momentum = compiled, False, False
        self.sparse_linear, self.decay = sparse_linear, decay
        self.scoring: Callable[[], AbstractContextManager[None]] = nullcontext
        self.counts: dict[str, Counts] = {}
        self.replace_network(build(seed))

    def replace_network(self, net: nn.Module, whole: nn.Module | None = None) -> None:
        """Train `net` from now on. The caller makes a new optimizer if there is one already.

        If `net` is a copy without some channels, `whole` is the network that has them all.
        """
        self.net, layers = net, masked_layers(net)
        self.layers = list(layers.values())
        # In tuples these are no submodules: their keys must not appear in checkpoints.
        mode = self.compiled if isinstance(self.compiled, str) else None
        self.compiled_net = (torch.compile(net, mode=mode) if self.compiled else net,)
        self.whole_net = (net if whole is None else whole,)
        # Every rank changes its masks alike, so DDP need not send these buffers at each step.
        masks = [f"net.{name.removesuffix('weight')}mask" for name in layers]
        self._ddp_params_and_buffers_to_ignore = masks

    @property
    def whole(self) -> nn.Module:
        """The network with all its channels: `net`, or what `net` stands for."""
        return self.whole_net[0]

    def change_masks(self, masks: Masks) -> None:
        """Keep these weights from now on; may be called between any two steps.

        Weights that are cut become zero, and so does the optimizer's memory of them. Weights that
        are grown start from zero with zero memory, since they had been cut.
        """
        self._unpack_memory()
        write_masks(self.net, masks)
        for optimizer in self.trainer.optimizers if not self.dense_momentum else ():
            mask_optimizer(self.layers, optimizer)

    def skip_step(self) -> None:
        """Skip the current optimizer step; call it in a callback's `on_before_optimizer_step`.

        Neither weights nor momentum move, and there is no weight decay. Raises ValueError if the
        optimizer would unscale float16 gradients itself.
        """
        # torch 2.14: a scaler's update fails where a fused step had no gradient to look at.
        self.check_unscaled("replaces optimizer steps")
        self.skips = True

    def check_unscaled(self, deed: str) -> None:
        """Raise ValueError if gradients are still scaled before a step where a method `deed`s."""
        # torch 2.14: a fused optimizer unscales in its step; for others that was done before.
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        fused = [getattr(o, "_step_supports_amp_scaling", False) for o in self.trainer.optimizers]
        if scaler is not None and any(fused):
            raise ValueError(
                f"a method that {deed} needs recipe.optimizer.fused=false at 16-mixed; got a "
                "fused optimizer"
            )

    def reinitialize(self, seed: int) -> None:
        """Draw all the weights again and leave the masks: Frankle et al.'s control."""
        fresh = self.build(seed).state_dict()
        kept = {name: value for name, value in fresh.items() if not name.endswith("mask")}
        self.net.load_state_dict(kept, strict=False)

    def on_train_start(self) -> None:
        """Change layout and layers only now: before, it would alter scores in their last bits."""
        self.net.to(memory_format=self.layout)
        if self.sparse_linear:
            # DDP averages over the ranks what is a parameter's gradient, and nothing else.
            use_sparse(self.net, holds_gradient=self.trainer.world_size == 1)
        if isinstance(self.trainer.strategy, DDPStrategy):
            # torch 2.14: DDP takes the layout of the weights that it wraps, and its first step
            # permutes the gradients of those that have another by then. So it wraps them again.
            self.trainer.strategy.connect(self)
            self.trainer.strategy.configure_ddp()

    def on_train_end(self) -> None:
        """Leave a network of which all gradients can be asked for."""
        self._unpack_memory()
        use_dense(self.net)

    def _unpack_memory(self) -> None:
        for optimizer in self.trainer.optimizers:
            unpack_memory(self.layers, optimizer)

    def on_train_epoch_start(self) -> None:
        """Make dropout a function of seed, epoch and rank, so that a resumed run repeats it."""
        key = (self.seed, "dropout", self.current_epoch, self.global_rank)
        torch.manual_seed(stream(*key).initial_seed())
        self.counts = {}

    @abstractmethod
    def measure(self, output: Tensor, target: Tensor) -> Tensor:
        """The metric's sum over the images of a batch, a scalar, in multiples of `unit`."""

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Mean loss of the batch, the penalty included."""
        x, y = batch[0].contiguous(memory_format=self.layout), batch[1]
        output = self.compiled_net[0](x)
        loss = self.loss(output, y)
        self._count("train", output, y, loss)
        return loss if self.penalty is None else loss + self.penalty(self.net, (x, y))

    def validation_step(self, batch: Batch, _: int, dataloader_idx: int = 0) -> None:
        """Sum loss and metric on the validation and the test split."""
        x, y = batch
        output = self.net(x.contiguous(memory_format=self.layout))
        self._count(self.splits[dataloader_idx], output, y, self.loss(output, y))

    @torch.no_grad()
    def _count(self, split: str, output: Tensor, y: Tensor, loss: Tensor) -> None:
        summed = self.measure(output, y)
        counts = torch.stack([loss.detach().float() * len(y), summed, summed.new_tensor(len(y))])
        self.counts[split] = self.counts[split] + counts if split in self.counts else counts

    def on_validation_epoch_end(self) -> None:
        """Log loss and metric of each split, summed over the ranks.

        Raises FloatingPointError if the training loss is not finite.
        """
        for split, counts in self.counts.items():
            total = self.trainer.strategy.reduce(counts, reduce_op="sum")
            loss, summed, images = torch.as_tensor(total).tolist()
            if split == "train" and not isfinite(loss):
                raise FloatingPointError(
                    f"training diverged: its loss is {loss} in epoch {self.current_epoch + 1}; "
                    "lower recipe.optimizer.lr"
                )
            mean = self.unit * summed / images
            metrics = {f"{split}/loss": loss / images, f"{split}/{self.metric}": mean}
            self.log_dict(metrics, add_dataloader_idx=False, sync_dist=True)
        self.counts = {}

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Zero the gradients of cut weights; `change_masks` has zeroed the optimizer's memory."""
        # Lightning 2.6.6 calls the callbacks' hooks before this one: they saw the dense gradients.
        if not self.dense_momentum:
            mask_gradients(self.layers)
        pack(self.layers, optimizer)
        if self.skips:
            for parameter in self.net.parameters():
                parameter.grad = None  # torch's optimizers pass over it, foreach and fused too
        elif self.decay:
            torch._foreach_mul_([p.data for p in self.net.parameters()], 1 - self.decay)
        self.skips = False

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Let the optimizer step, on the kept weights alone of layers that compute with those."""
        super().optimizer_step(*args, **kwargs)
        unpack(self.layers)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The recipe's optimizer, and the learning rate's schedule."""
        length = read_length(self.trainer)
        whole = length.steps / (length.epoch_steps if self.rate_moves == "epoch" else 1)
        optimizer = self.optimizer(parameter_groups(self.net, self.bounded))
        if self.sparse_linear:  # a checkpoint has dense memory
            optimizer.register_state_dict_pre_hook(lambda one: unpack_memory(self.layers, one))
        rates = [group.get("rate", 1.0) for group in optimizer.param_groups]
        schedule = LambdaLR(optimizer, [partial(self._factor, whole, rate) for rate in rates])
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": self.rate_moves},
        }

    def _factor(self, whole: float, rate: float, done: int) -> float:
        return rate * self.learning_rate(done / whole)
