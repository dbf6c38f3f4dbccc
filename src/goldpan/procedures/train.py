"""The simplest experiment: prune before or during one training, and measure."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig

from goldpan.channels.export import architecture
from goldpan.data.vision import VisionData
from goldpan.files import write_atomically
from goldpan.masks import LayerCollapse, read_masks
from goldpan.procedures.loggers import close_loggers
from goldpan.procedures.measure import measure
from goldpan.procedures.setup import build_system, build_trainer, load_data
from goldpan.procedures.starting import load_start, say_start
from goldpan.runs.build import build
from goldpan.runs.channel_figures import draw_channels
from goldpan.runs.checkpoint import COMPACTION, read_checkpoint, save
from goldpan.runs.firing_figure import draw_firing
from goldpan.runs.record import ARCHITECTURE, BEST, CHECKPOINT, CURVE, WEIGHTS, Record
from goldpan.runs.refusal import refusing
from goldpan.runs.regrowth_figure import draw_regrowth
from goldpan.training.callbacks.after_step import AfterStep
from goldpan.training.callbacks.compact import Compact, check_compaction
from goldpan.training.callbacks.csv_curve import CsvCurve
from goldpan.training.callbacks.importances import Importances
from goldpan.training.callbacks.keep_best import KeepBest
from goldpan.training.callbacks.keep_members import KeepMembers
from goldpan.training.callbacks.monitor import Monitor
from goldpan.training.callbacks.pruner import Pruner
from goldpan.training.callbacks.quantize import Quantize, in_order
from goldpan.training.classifier import Classifier
from goldpan.training.length import choose_length
from goldpan.training.system import System


def train(
    cfg: DictConfig, draft: Record, folder: Path, *, more: Sequence[pl.Callback] = ()
) -> Record:
    """Prune and train as `cfg` says; a run that was cut short goes on from its last epoch.

    The checkpoint, metrics.csv and the final weights go into `folder`. Returns the draft with its
    results: finished, or collapsed if nothing is left to train. `more` are callbacks beside those
    that `cfg` asks for.
    """
    return train_system(Classifier, measure, cfg, draft, folder, more=more)


def train_system(
    kind: Callable[..., System],
    measure: Callable[..., Record],
    cfg: DictConfig,
    draft: Record,
    folder: Path,
    *,
    more: Sequence[pl.Callback] = (),
) -> Record:
    """Do what `train` says with a system of this kind, and have its results measured.

    `measure` takes the draft, trainer, system, data, rows of the curve, pruner and importances.
    """
    with refusing():
        data = load_data(cfg)
        system = build_system(cfg, data, kind=kind)
        pruner: Pruner | None = build(cfg.method.pruner)
        if pruner is not None:
            pruner.check(data, choose_length(cfg.recipe, data.steps_per_epoch))
            check_left(system, cfg.sparsity)
            check_sparse(system, pruner)
        quantize: Quantize | None = build(cfg.get("quantization"))
        if quantize is not None:
            length = choose_length(cfg.recipe, data.steps_per_epoch)
            quantize.check(system.net, data, length, pruner)
        load_start(cfg, system.net, data.classes)
        say_start(system.net)
        check_penalty(system, data)
        compact = choose_compact(cfg, pruner, system, data, folder / CHECKPOINT)
        curve, importances = CsvCurve(folder / CURVE), Importances()
        callbacks: list[pl.Callback] = [Monitor(), curve, *more]
        callbacks += in_order(pruner, quantize)
        if (cfg.method.get("channels") or {}).get("prune_from") == "best_on_test":
            callbacks.append(KeepBest(folder / BEST))
        if cfg.method.get("members") is not None:
            callbacks.append(choose_members(cfg, data, folder))
        callbacks += [importances] if system.penalty is not None else []
        callbacks += after_step(cfg)
        callbacks += [compact] if compact is not None else []  # after the pruner
        trainer = build_trainer(cfg, folder, draft.identity, data.steps_per_epoch, callbacks)
    try:
        fit(trainer, system, data, folder)
    except LayerCollapse:
        trainer.validate(system, datamodule=data, verbose=False)
    record = measure(draft, trainer, system, data, curve.rows, pruner, importances.histogram)
    if record.weights is not None and compact is not None:
        record = replace(record, weights=replace(record.weights, compaction=compact.spared))
    if record.weights is not None and quantize is not None:
        found = quantize.result(system.net)
        record = replace(record, weights=replace(record.weights, quantization=found))
    finish(trainer, system, record, folder)
    return record


def check_left(system: System, sparsity: float) -> None:
    """Raise ValueError if no weight would be left at this sparsity."""
    total = read_masks(system.net).total
    if round((1 - sparsity) * total) < 1:
        raise ValueError(
            f"sparsity={sparsity} leaves none of this model's {total} prunable weights; "
            f"{1 - 1 / total:.8g} would leave one"
        )


def check_sparse(system: System, pruner: Pruner) -> None:
    """Raise ValueError if a pruner asks for gradients that sparse layers do not have."""
    if system.sparse_linear and pruner.sees_cut_gradients:
        raise ValueError(
            "strategy.sparse_linear=true has no gradients of cut weights, by which this method "
            "may change its masks in training: choose strategy.sparse_linear=false"
        )


def check_penalty(system: System, data: VisionData) -> None:
    """Compute the penalty once on a small batch; raises ValueError as the penalty does."""
    if system.penalty is not None:
        images, labels = torch.zeros(2, *data.image_shape), torch.zeros(2, dtype=torch.int64)
        # On a copy: a penalty that runs the network would move the statistics of its norms.
        system.penalty(copy.deepcopy(system.net), (images, labels))


def after_step(cfg: DictConfig) -> list[AfterStep]:
    """The callback that changes the network after each step, if the method has one."""
    change = build(cfg.method.get("after_step"))
    return [] if change is None else [AfterStep(change)]


def choose_members(cfg: DictConfig, data: VisionData, folder: Path) -> KeepMembers:
    """The callback that keeps networks for an ensemble; raises ValueError as it does."""
    length = choose_length(cfg.recipe, data.steps_per_epoch)
    every = length.count(cfg.recipe.evaluate_every or "1ep")
    keep: KeepMembers = build(cfg.method.members)(folder, length, every)
    return keep


def choose_compact(
    cfg: DictConfig, pruner: Pruner | None, system: System, data: VisionData, checkpoint: Path
) -> Compact | None:
    """The callback that compacts, if it is asked for; raises ValueError as `check_compaction`.

    A run that was cut short goes on as it began, whatever is asked for now.
    """
    if checkpoint.exists():
        state = read_checkpoint(checkpoint)["callbacks"].get(COMPACTION)
        return None if state is None else Compact(system, data, state)
    if not cfg.compact or pruner is None:
        return None
    check_compaction(pruner, system, data)
    return Compact(system, data)


def fit(trainer: pl.Trainer, system: System, data: VisionData, folder: Path) -> None:
    """Train, from the checkpoint in the folder if there is one."""
    resumed = folder / CHECKPOINT
    path = resumed if resumed.exists() else None
    trainer.fit(system, datamodule=data, ckpt_path=path, weights_only=True)


def finish(trainer: pl.Trainer, system: System, record: Record, folder: Path) -> None:
    """Keep the final weights, draw what there is to draw, and close the loggers."""
    if trainer.is_global_zero:
        save(system.net.state_dict(), folder / WEIGHTS)
        sizes = json.dumps(architecture(system.net), indent=2)
        write_atomically(folder / ARCHITECTURE, sizes)
        draw_channels(record, folder)
        draw_regrowth(record, folder)
        draw_firing(record, folder)
        close_loggers(trainer.loggers, record, sorted(folder.glob("*.png")))
    trainer.strategy.barrier()  # a next stage reads the weights on every process
