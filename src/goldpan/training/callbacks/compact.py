"""Training without the channels that the masks have left dead: compact=true."""

import copy

import pytorch_lightning as pl
import torch

from goldpan.channels.compaction import Compaction, check_compactable, compact
from goldpan.channels.latency import latencies
from goldpan.cost import cost
from goldpan.data.vision import VisionData
from goldpan.training.callbacks.prune_before import PruneOnce
from goldpan.training.callbacks.pruner import Pruner
from goldpan.training.classifier import Classifier


class Compact(pl.Callback):
    """Compacts the network once, after it was pruned; the system expands it after the training.

    Must come after the pruner among the callbacks.

    Raises:
        ValueError: if the pruner changes masks during training, if the loss looks at all channels,
            or if the network cannot be compacted.
    """

    def __init__(self, pruner: Pruner, system: Classifier, data: VisionData) -> None:
        if not isinstance(pruner, PruneOnce):
            raise ValueError(
                "compact=true needs a method that cuts before training; this one still changes its "
                "masks in training: choose compact=false"
            )
        if system.penalty is not None:
            raise ValueError(
                "compact=true removes channels that the method's penalty counts: choose "
                "compact=false"
            )
        check_compactable(system.net, data.image_shape)
        self.shape, self.batch = data.image_shape, data.batch_size

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compact, and have the optimizer made for what is left."""
        assert isinstance(pl_module, Classifier)
        compaction = compact(pl_module.net.cpu(), self.shape)
        with trainer.precision_plugin.forward_context():
            spared = _spared(compaction, pl_module, self.batch // trainer.world_size)
        pl_module.compact(compaction, spared)
        trainer.strategy.connect(pl_module)
        trainer.strategy.setup(trainer)  # Lightning has made the optimizer of the whole one already


def _spared(compaction: Compaction, system: Classifier, batch: int) -> dict[str, float]:
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
