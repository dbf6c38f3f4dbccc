"""Checks that cut weights stay zero and that all processes train the same network."""

import pytorch_lightning as pl
import torch.distributed
from torch import nn

from goldpan.masks import digest, read_masks, revived


class Monitor(pl.Callback):
    """Logs the sparsity of the network and of each layer; checks the zero invariant each epoch."""

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log sparsity, emptied layers, and each layer's sparsity."""
        masks = read_masks(pl_module.whole)  # type: ignore[arg-type]
        layers = masks.layers()
        emptied = sum(sparsity == 1 for sparsity in layers.values())
        pl_module.log("sparsity", masks.sparsity, sync_dist=True)
        pl_module.log("emptied_layers", float(emptied), sync_dist=True)
        named = {f"sparsity/{name}": sparsity for name, sparsity in layers.items()}
        for logger in trainer.loggers if trainer.is_global_zero else ():
            logger.log_metrics(named, step=trainer.global_step)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Raise RuntimeError if a cut weight is not zero."""
        if largest := revived(pl_module.layers):  # type: ignore[arg-type]
            raise RuntimeError(
                f"a cut weight must be zero, found |w| = {largest:.3g} after epoch "
                f"{trainer.current_epoch}; something else than the optimizer changes weights"
            )


def compare_ranks(net: nn.Module) -> list[str]:
    """Each process's digest of weights, masks and statistics; RuntimeError if they differ."""
    ranks = [digest(net.state_dict())]
    if torch.distributed.is_initialized():
        ranks *= torch.distributed.get_world_size()
        torch.distributed.all_gather_object(ranks, ranks[0])
    if len(set(ranks)) > 1:
        raise RuntimeError(f"all processes must train one network, their digests: {ranks}")
    return ranks
