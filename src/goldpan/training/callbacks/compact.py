"""Training without the channels that the masks have left dead: compact=true."""

import copy
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch

from goldpan.channels.compaction import Compaction, check_compactable, compact, restore
from goldpan.channels.latency import latencies
from goldpan.cost import cost
from goldpan.data.vision import VisionData
from goldpan.runs.checkpoint import COMPACTION
from goldpan.training.callbacks.drop_and_grow import keeps_masks
from goldpan.training.callbacks.pruner import Pruner
from goldpan.training.system import System


def check_compaction(pruner: Pruner, system: System, data: VisionData) -> None:
    """Raise ValueError for a pruner, a penalty or a network that cannot be trained compacted."""
    if not keeps_masks(pruner):
        raise ValueError(
            "compact=true needs a method that cuts before training; this one still changes its "
            "masks in training, and could grow what was removed: choose compact=false"
        )
    if system.penalty is not None:
        raise ValueError(
            "compact=true removes channels that the method's penalty counts: choose compact=false"
        )
    check_compactable(system.net, data.image_shape)


class Compact(pl.Callback):
    """Compacts the network once, after it was pruned, and expands it after the training.

    Must come after the pruner among the callbacks. `spared` is what the record says of it. `state`
    is that in the checkpoint of a run that was cut short: the small network is put in place here,
    since Lightning 2.6.6 loads the weights and makes the optimizer before it gives callbacks their
    states.
    """

    def __init__(
        self, system: System, data: VisionData, state: Mapping[str, Any] | None = None
    ) -> None:
        self.shape, self.batch = data.image_shape, data.batch_size
        self.compaction: Compaction | None = None
        self.spared: dict[str, float] = {}
        if state is not None:
            self.compaction, self.spared = restore(system.net, state), state["spared"]
            system.replace_network(self.compaction.small, self.compaction.whole)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compact, and have the optimizer made for what is left."""
        assert isinstance(pl_module, System)
        if self.compaction is not None:
            return
        self.compaction = compact(pl_module.net.cpu(), self.shape)
        with trainer.precision_plugin.forward_context():
            self.spared = _spared(self.compaction, pl_module, self.batch // trainer.world_size)
        pl_module.replace_network(self.compaction.small, self.compaction.whole)
        # Lightning 2.6.6 has by now wrapped the whole network and made its optimizer: again.
        trainer.strategy.connect(pl_module)
        trainer.strategy.setup(trainer)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Have the whole network again, with what the small one has learnt."""
        assert isinstance(pl_module, System)
        if self.compaction is not None:
            pl_module.replace_network(self.compaction.expand())

    @property
    def state_key(self) -> str:
        """The name of this callback's state in a checkpoint."""
        return COMPACTION

    def state_dict(self) -> dict[str, Any]:
        """What the compacted network was made from."""
        if self.compaction is None:
            return {}
        return self.compaction.state_dict() | {"spared": self.spared}


def _spared(compaction: Compaction, system: System, batch: int) -> dict[str, float]:
    """What was removed, and milliseconds of forward and backward passes on a batch, in turn."""
    whole, small = (cost(net, compaction.shape) for net in (compaction.whole, compaction.small))
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
