"""The simplest experiment: prune before or during one training, and measure."""

import json
from dataclasses import replace
from pathlib import Path

import pytorch_lightning as pl
from hydra.utils import instantiate
from omegaconf import DictConfig

from goldpan.channels.export import architecture
from goldpan.data.vision import VisionData
from goldpan.files import write_atomically
from goldpan.masks import LayerCollapse
from goldpan.procedures.measure import measure
from goldpan.procedures.setup import build_system, build_trainer, close_logger, load_data
from goldpan.runs.channel_figures import draw_channels
from goldpan.runs.checkpoint import load_weights, save
from goldpan.runs.record import ARCHITECTURE, CHECKPOINT, WEIGHTS, Record
from goldpan.runs.refusal import refusing
from goldpan.training.callbacks.after_step import AfterStep
from goldpan.training.callbacks.compact import Compact
from goldpan.training.callbacks.curve import Curve
from goldpan.training.callbacks.importances import Importances
from goldpan.training.callbacks.monitor import Monitor
from goldpan.training.callbacks.pruner import Pruner
from goldpan.training.classifier import Classifier


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
        curve, importances = Curve(folder / "metrics.csv"), Importances()
        callbacks: list[pl.Callback] = [Monitor(), curve]
        callbacks += [pruner] if pruner is not None else []
        if system.penalty is not None:
            system.penalty(system.net)  # refuses a network whose norms it cannot take
            callbacks.append(importances)
        if (change := instantiate(cfg.method.get("after_step"))) is not None:
            callbacks.append(AfterStep(change))
        if cfg.compact and pruner is not None and not (folder / CHECKPOINT).exists():
            callbacks.append(Compact(pruner, system, data))  # a resumed run goes on as it was
        trainer = build_trainer(cfg, folder, draft.identity, data.steps_per_epoch, callbacks)
    try:
        fit(trainer, system, data, folder)
    except LayerCollapse:
        trainer.validate(system, datamodule=data, verbose=False)
    record = measure(draft, trainer, system, data, curve.rows, pruner, importances.histogram)
    if record.weights is not None:
        record = replace(record, weights=replace(record.weights, compaction=system.spared))
    finish(trainer, system, record, folder)
    return record


def fit(trainer: pl.Trainer, system: Classifier, data: VisionData, folder: Path) -> None:
    """Train, from the checkpoint in the folder if there is one."""
    resumed = folder / CHECKPOINT
    path = resumed if resumed.exists() else None
    trainer.fit(system, datamodule=data, ckpt_path=path, weights_only=True)


def finish(trainer: pl.Trainer, system: Classifier, record: Record, folder: Path) -> None:
    """Keep the final weights, draw what there is to draw, and close the logger."""
    if trainer.is_global_zero:
        save(system.net.state_dict(), folder / WEIGHTS)
        sizes = json.dumps(architecture(system.net), indent=2)
        write_atomically(folder / ARCHITECTURE, sizes)
        draw_channels(record, folder)
        close_logger(trainer.logger, record, sorted(folder.glob("*.png")))
    trainer.strategy.barrier()  # a next stage reads the weights on every process
