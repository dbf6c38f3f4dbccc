"""The simplest experiment: prune before or during one training, and measure."""

from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from goldpan.callbacks.curve import Curve
from goldpan.callbacks.monitor import Monitor
from goldpan.callbacks.pruner import Pruner
from goldpan.checkpoint import load_weights, save
from goldpan.masks import LayerCollapse
from goldpan.procedures.measure import measure
from goldpan.procedures.refusal import refusing
from goldpan.procedures.setup import build_system, build_trainer, close_logger, load_data
from goldpan.record import CHECKPOINT, Record


def train(cfg: DictConfig, draft: Record, folder: Path) -> Record:
    """Prune and train as `cfg` says; a run that was cut short goes on from its last epoch.

    Args:
        draft: the record without its results.
        folder: where the checkpoint, metrics.csv, the final weights and the logger's files go.

    Returns:
        the record with its results: finished, or collapsed if nothing is left to train.
    """
    with refusing():
        data = load_data(cfg)
        system = build_system(cfg, data)
        pruner: Pruner | None = instantiate(cfg.method.pruner)
        if pruner is not None:
            pruner.check(data)
        if cfg.checkpoint is not None:
            load_weights(system.net, Path(cfg.checkpoint))
        curve = Curve(folder / "metrics.csv")
        callbacks = [Monitor(), curve, *([pruner] if pruner is not None else [])]
        trainer = build_trainer(cfg, folder, draft, data.steps_per_epoch, callbacks)
    try:
        resumed = folder / CHECKPOINT
        path = resumed if resumed.exists() else None
        trainer.fit(system, datamodule=data, ckpt_path=path, weights_only=True)
    except LayerCollapse:
        trainer.validate(system, datamodule=data, verbose=False)
    record = measure(draft, trainer, system, data, curve.rows, pruner)
    if trainer.is_global_zero:
        save(system.net.state_dict(), folder / "model.pt")
        close_logger(trainer, record)
    return record
