"""From configuration to the parts of an experiment: data, network, trainer, logger."""

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytorch_lightning as pl
from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning.callbacks import ModelCheckpoint, RichProgressBar
from torch import nn

from goldpan.channels.export import rebuild
from goldpan.data.vision import VisionData
from goldpan.layers.swap import swap_norms
from goldpan.models.initialize import seeded
from goldpan.procedures.loggers import open_loggers
from goldpan.procedures.process import prepare_process
from goldpan.procedures.recipe import build_rate, choose_loss
from goldpan.runs.record import ARCHITECTURE, CHECKPOINT, Identity
from goldpan.training.callbacks.files import AtomicFiles
from goldpan.training.callbacks.stop_at import StopAt
from goldpan.training.classifier import Classifier
from goldpan.training.length import choose_length


def load_data(cfg: DictConfig) -> VisionData:
    """The dataset, read and checked."""
    data: VisionData = instantiate(cfg.dataset)
    data.load()
    return data


def build_system(
    cfg: DictConfig, data: VisionData, build: Callable[[int], nn.Module] | None = None
) -> Classifier:
    """The network that fits the data, or `build`'s, drawn from the seed, and its optimizer."""
    return Classifier(
        build or partial(build_network, cfg, data),
        cfg.seed,
        penalty=instantiate(cfg.method.get("penalty")),
        bounded=cfg.method.get("bounded"),
        optimizer=instantiate(cfg.recipe.optimizer),
        learning_rate=build_rate(cfg.recipe, choose_length(cfg.recipe, data.steps_per_epoch)),
        rate_moves=cfg.recipe.rate_moves,
        loss=choose_loss(cfg.recipe),
        splits=data.splits,
        channels_last=cfg.strategy.channels_last,
        compiled=cfg.strategy.compile,
    )


def build_network(cfg: DictConfig, data: VisionData, seed: int) -> nn.Module:
    """The configuration's model for the data's images and classes, with the method's norms.

    It has the sizes that lie beside the checkpoint to start from, if there is one.
    """
    channels, height, _ = data.image_shape
    model = instantiate(cfg.model)
    net: nn.Module = model(classes=data.classes, channels=channels, image_size=height, seed=seed)
    if (norm := instantiate(cfg.method.get("norm"))) is not None:
        with seeded(seed):
            swap_norms(net, norm)
    sizes = None if cfg.checkpoint is None else Path(cfg.checkpoint).parent / ARCHITECTURE
    if sizes is None or not sizes.exists():
        return net
    return rebuild(lambda: net, json.loads(sizes.read_text()))


def build_trainer(
    cfg: DictConfig, folder: Path, who: Identity, steps: int, callbacks: Sequence[pl.Callback]
) -> pl.Trainer:
    """Lightning's Trainer for the strategy; it keeps one checkpoint, that of the last epoch.

    `steps` are an epoch's; nothing is logged more often. Raises ValueError if the strategy needs a
    GPU and there is none.
    """
    prepare_process(cfg)
    length, every = choose_length(cfg.recipe, steps), cfg.recipe.evaluate_every
    # Lightning 2.6.6 writes save_last only beside another checkpoint (its issue 21244), so that
    # other one, the newest as there is no monitor, gets the name.
    keep_last = ModelCheckpoint(
        folder,
        filename=Path(CHECKPOINT).stem,
        save_top_k=1,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    watched = sys.stderr.isatty() and cfg.progress
    last = [StopAt(length.steps), keep_last, *([RichProgressBar()] if watched else [])]
    return pl.Trainer(
        accelerator=cfg.strategy.accelerator,
        devices=cfg.strategy.devices,
        strategy=cfg.strategy.strategy,
        precision=cfg.strategy.precision,
        max_epochs=length.epochs,
        min_steps=length.steps,
        val_check_interval=None if every is None else max(1, length.count(every)),
        check_val_every_n_epoch=1 if every is None else None,
        gradient_clip_val=cfg.recipe.gradient_clip,
        callbacks=[*callbacks, *last],
        plugins=[AtomicFiles()],
        logger=open_loggers(cfg, folder, who) or False,
        default_root_dir=folder,
        enable_progress_bar=watched,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=steps,
        use_distributed_sampler=False,
    )
