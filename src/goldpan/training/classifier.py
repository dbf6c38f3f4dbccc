"""The image classifier that Lightning trains: a masked network, a loss, an optimizer."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from goldpan.channels.compaction import Compaction, restore
from goldpan.masks import Masks, mask_gradients, mask_optimizer, masked_layers, write_masks
from goldpan.training.parameter_groups import Groups, parameter_groups
from goldpan.types import Batch, Loss, Penalty

Tally = Tensor
"""[sum of the loss, correct answers, images], float32."""

SPLITS = ("val", "test")


class Classifier(pl.LightningModule):
    """Trains `build(seed)`; cut weights stay zero whatever the optimizer.

    Test accuracy is measured in every epoch next to validation accuracy, for the record: nothing
    is ever selected on it. Accuracies are top-1 in percent.

    Args:
        bounded: the optimizer's options for the scales of bounded norms, and `rate`, a factor
            on their learning rate.
    """

    def __init__(
        self,
        build: Callable[[int], nn.Module],
        seed: int,
        optimizer: Callable[[Groups], Optimizer],
        learning_rate: Callable[[float], float],
        *,
        label_smoothing: float = 0.0,
        penalty: Penalty | None = None,
        bounded: Mapping[str, float] | None = None,
        splits: Sequence[str] = SPLITS,
        channels_last: bool = False,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        self.build, self.seed = build, seed
        self.optimizer, self.learning_rate = optimizer, learning_rate
        self.loss: Loss = partial(F.cross_entropy, label_smoothing=label_smoothing)
        self.penalty, self.bounded, self.splits = penalty, bounded, splits
        self.layout = torch.channels_last if channels_last else torch.preserve_format
        self.compiled = compiled
        self.tallies: dict[str, Tally] = {}
        self.compaction: Compaction | None = None
        self.spared: dict[str, float] = {}
        self._hold(build(seed))

    def _hold(self, net: nn.Module) -> None:
        """Make this the network that is trained."""
        self.net = net
        layers = masked_layers(net)
        self.layers = list(layers.values())
        # Not a submodule: its keys must not appear in checkpoints, and scorers need the plain net.
        self.trained = (torch.compile(net) if self.compiled else net,)
        # Masks change only by `prune`, on every rank alike: DDP need not send them at each step.
        names = [f"net.{name[: -len('weight')]}mask" for name in layers]
        self._ddp_params_and_buffers_to_ignore = names

    @property
    def whole(self) -> nn.Module:
        """The network with all its channels: `net`, unless that has been compacted."""
        return self.net if self.compaction is None else self.compaction.whole

    def compact(self, compaction: Compaction, spared: dict[str, float]) -> None:
        """Go on with the small network; its optimizer has to be made anew.

        `spared` is what the record says of it.
        """
        self.compaction, self.spared = compaction, spared
        self._hold(compaction.small)

    def on_fit_end(self) -> None:
        """Have the whole network again, with what the small one has learnt."""
        if self.compaction is not None:
            net, self.compaction = self.compaction.expand(), None
            self._hold(net)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a compacted network was made from."""
        if self.compaction is not None:
            checkpoint["compaction"] = self.compaction.state_dict() | {"spared": self.spared}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Compact the network as it was, so that its weights can be loaded."""
        if state := checkpoint.get("compaction"):
            self.compact(restore(self.build(self.seed), state), state["spared"])

    def prune(self, masks: Masks) -> None:
        """Cut the weights, and what the optimizers remember of them."""
        write_masks(self.net, masks)
        for optimizer in self.trainer.optimizers:
            mask_optimizer(self.layers, optimizer)

    def reinitialize(self, seed: int) -> None:
        """Draw all the weights again and leave the masks: Frankle et al.'s control."""
        fresh = self.build(seed).state_dict()
        kept = {name: value for name, value in fresh.items() if not name.endswith("mask")}
        self.net.load_state_dict(kept, strict=False)

    def on_train_start(self) -> None:
        """Lay the weights out for speed only now: scores depend on the layout in the last bits."""
        self.net.to(memory_format=self.layout)

    def on_train_epoch_start(self) -> None:
        """Make dropout a function of seed, epoch and rank, so that a resumed run repeats it."""
        torch.manual_seed((self.seed * 1_000_003 + self.current_epoch) * 1_009 + self.global_rank)
        self.tallies = {}

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Mean loss of the batch, the penalty included."""
        x, y = batch
        logits = self.trained[0](x.contiguous(memory_format=self.layout))
        loss = self.loss(logits, y)
        self._count("train", logits, y, loss)
        return loss if self.penalty is None else loss + self.penalty(self.net)

    def validation_step(self, batch: Batch, _: int, dataloader_idx: int = 0) -> None:
        """Count loss and correct answers on the validation and the test split."""
        x, y = batch
        logits = self.net(x.contiguous(memory_format=self.layout))
        self._count(self.splits[dataloader_idx], logits, y, self.loss(logits, y))

    @torch.no_grad()
    def _count(self, split: str, logits: Tensor, y: Tensor, loss: Tensor) -> None:
        correct = (logits.argmax(1) == y).sum()
        tally = torch.stack([loss.detach().float() * len(y), correct, correct.new_tensor(len(y))])
        self.tallies[split] = self.tallies[split] + tally if split in self.tallies else tally

    def on_validation_epoch_end(self) -> None:
        """Log loss and accuracy (%) of each split, summed over the ranks, once an epoch.

        Raises:
            FloatingPointError: if the training loss is not finite.
        """
        for split, tally in self.tallies.items():
            total = self.trainer.strategy.reduce(tally, reduce_op="sum")
            loss, correct, images = torch.as_tensor(total).tolist()
            if split == "train" and not isfinite(loss):
                raise FloatingPointError(
                    f"training diverged: its loss is {loss} in epoch {self.current_epoch + 1}; "
                    "lower recipe.optimizer.lr"
                )
            metrics = {f"{split}/loss": loss / images, f"{split}/accuracy": 100 * correct / images}
            self.log_dict(metrics, add_dataloader_idx=False, sync_dist=True)
        self.tallies = {}

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Keep cut weights at zero: their gradients are zero, and so is the optimizer's memory."""
        mask_gradients(self.layers)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The recipe's optimizer; its learning rate moves once an epoch."""
        epochs = self.trainer.max_epochs or 1
        optimizer = self.optimizer(parameter_groups(self.net, self.bounded))
        rates = [group.get("rate", 1.0) for group in optimizer.param_groups]
        schedule = LambdaLR(optimizer, [partial(self._factor, epochs, rate) for rate in rates])
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "epoch"},
        }

    def _factor(self, epochs: int, rate: float, epoch: int) -> float:
        return rate * self.learning_rate(epoch / epochs)
