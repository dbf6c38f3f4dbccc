"""Training without the channels that the masks have left dead: compact=true."""

import copy
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn

from goldpan.callbacks.prune_before import PruneOnce
from goldpan.callbacks.pruner import Pruner
from goldpan.channels import trace
from goldpan.compaction import Compaction, compact
from goldpan.cost import cost
from goldpan.data.vision import VisionData
from goldpan.latency import latencies
from goldpan.systems.classifier import Classifier


class Compact(pl.Callback):
    """Compacts the network after it was pruned, and expands it after the training.

    Must come after the pruner among the callbacks. `gain` is what the record says of it.

    Raises:
        ValueError: if the pruner changes masks during training, or the network's channels cannot be
            followed.
    """

    def __init__(self, pruner: Pruner, net: nn.Module, data: VisionData) -> None:
        if not isinstance(pruner, PruneOnce):
            raise ValueError(
                "compact=true needs a method that cuts before training; this one still changes its "
                "masks in training: choose compact=false"
            )
        trace(net, data.image_shape)
        self.shape, self.batch = data.image_shape, data.batch_size
        self.gain: dict[str, float] = {}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compact, unless a checkpoint has brought a compacted network."""
        assert isinstance(pl_module, Classifier)
        if self.gain:
            return
        compaction = compact(pl_module.net.cpu(), self.shape)
        with trainer.precision_plugin.forward_context():
            self.gain = _gain(compaction, pl_module, self.batch // trainer.world_size)
        pl_module.compact(compaction)
        trainer.strategy.connect(pl_module)
        trainer.strategy.setup(trainer)  # Lightning has made the optimizer of the whole one already

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Expand, so that what is measured and kept is the network of the masks."""
        assert isinstance(pl_module, Classifier)
        pl_module.expand()

    def state_dict(self) -> dict[str, Any]:
        """The gain."""
        return {"gain": self.gain}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where the checkpoint was written."""
        self.gain = state_dict["gain"]


def _gain(compaction: Compaction, system: Classifier, batch: int) -> dict[str, float]:
    """What was removed, and milliseconds of forward and backward passes on a batch, in turn."""
    whole, small = (
        cost(compaction.whole, compaction.shape),
        cost(compaction.small, compaction.shape),
    )
    nets = {
        name: copy.deepcopy(net).to(system.device).to(memory_format=system.layout)
        for name, net in (("masked", compaction.whole), ("compacted", compaction.small))
    }
    with torch.enable_grad():
        times = latencies(nets, compaction.shape, batch, training=True, warm_up=1, repeats=3)
    return {
        "channels_removed": compaction.removed,
        "parameters_kept": small.parameters / whole.parameters,
        "flops_kept": small.flops / whole.flops,
        **{f"{name}_ms": milliseconds for name, milliseconds in times.items()},
    }
