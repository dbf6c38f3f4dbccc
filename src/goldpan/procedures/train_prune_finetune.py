"""Train, remove channels, train the smaller network again; many prunings share one training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from goldpan.callbacks.curve import Curve
from goldpan.callbacks.monitor import Monitor
from goldpan.checkpoint import load_weights
from goldpan.experiment import perform
from goldpan.identity import identity
from goldpan.procedures.measure import compare_sizes, measure, reading
from goldpan.procedures.refusal import refusing
from goldpan.procedures.setup import build_system, build_trainer, load_data
from goldpan.procedures.train import finish, fit
from goldpan.record import WEIGHTS, Record
from goldpan.surgery import shrink
from goldpan.thinning import prunable_groups, thin


def train_prune_finetune(cfg: DictConfig, draft: Record, folder: Path) -> Record:
    """Prune the channels of a trained network once, and fine-tune it without penalties.

    The training is a run of its own, done once for all that prune what it gives; the fine-tuning
    is the same recipe again, `method.channels.epochs` long if that says so.
    """
    with refusing():
        data = load_data(cfg)
        system = build_system(cfg, data)
        prunable_groups(system.net, data.image_shape)
    trained, weights = _train(cfg, draft, folder.parent)
    load_weights(system.net, weights)
    large = system.net
    with refusing():
        channels = cfg.method.channels
        allocate = instantiate(channels.allocate)
        kept = thin(large, data.image_shape, cfg.sparsity, allocate, channels.target)
        small = shrink(large, kept, data.image_shape)
    tuning = _finetuning(cfg)
    tuned = build_system(tuning, data, lambda seed: small)
    curve = Curve(folder / "metrics.csv")
    steps = data.steps_per_epoch
    trainer = build_trainer(tuning, folder, draft, steps, [Monitor(), curve])
    trainer.validate(tuned, datamodule=data, verbose=False)
    pruned = reading(trainer)
    fit(trainer, tuned, data, folder)
    record = measure(draft, trainer, tuned, data, curve.rows, None, trained.importances)
    record = compare_sizes(record, large, tuned.net, kept, data.image_shape)
    record = replace(record, trained=trained.last, pruned=pruned)
    finish(trainer, tuned, record, folder)
    return record


def _train(cfg: DictConfig, draft: Record, output: Path) -> tuple[Record, Path]:
    """The run that trains the whole network, and the file of its weights; done at most once."""
    stage = cfg.copy()
    stage.sparsity, stage.method.channels = 0.0, None
    stage.procedure = {"_target_": "goldpan.procedures.train.train", "_partial_": True}
    choices: Any = OmegaConf.to_container(stage, resolve=True)
    part = replace(draft, id=identity(choices), choices=choices)
    folder = output / f"trained-{part.id}"
    with FileLock(output / f".{folder.name}.lock"):
        record = perform(stage, part, folder)
    return record, folder / WEIGHTS


def _finetuning(cfg: DictConfig) -> DictConfig:
    """The configuration of the fine-tuning: no penalties, and its own number of epochs."""
    tuning = cfg.copy()
    tuning.method.penalty = None
    tuning.recipe.epochs = cfg.method.channels.epochs or cfg.recipe.epochs
    return tuning
