"""What a callback does that replaces the network in the middle of a training."""

import pytorch_lightning as pl
import torch
from torch import nn

from goldpan.training.system import System


def go_on_with(trainer: pl.Trainer, system: System, net: nn.Module) -> None:
    """Train another network from now on: a new optimizer, the same learning rate and schedule.

    The optimizer remembers nothing of the network before: momentum starts at zero.
    """
    before = [config.scheduler.state_dict() for config in trainer.lr_scheduler_configs]
    system.replace_network(net)
    net.to(memory_format=system.layout)
    # Lightning 2.6.6 wraps the network and makes its optimizer when a training begins: again.
    trainer.strategy.connect(system)
    trainer.strategy.setup(trainer)
    for config, state in zip(trainer.lr_scheduler_configs, before, strict=True):
        config.scheduler.load_state_dict(state)
        groups = config.scheduler.optimizer.param_groups
        for group, rate in zip(groups, state["_last_lr"], strict=True):
            group["lr"] = rate


@torch.no_grad()
def evaluate(trainer: pl.Trainer, system: System) -> dict[str, float]:
    """Measure accuracy (%) on each split between two epochs, such as "test/accuracy"."""
    system.eval()
    trainer.validating = True  # the data are not augmented then
    system.counts = {}
    for index, loader in enumerate(trainer.val_dataloaders or ()):
        for batch in loader:
            moved = trainer.strategy.batch_to_device(batch, dataloader_idx=index)
            with trainer.precision_plugin.forward_context():
                system.validation_step(moved, 0, index)
    found = {}
    for split, counts in system.counts.items():
        _, correct, images = torch.as_tensor(trainer.strategy.reduce(counts, reduce_op="sum"))
        found[f"{split}/accuracy"] = float(f"{100 * float(correct / images):.6g}")
    system.counts = {}
    trainer.training = True
    system.train()
    return found
