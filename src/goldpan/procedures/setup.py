"""From configuration to the parts of an experiment: data, network, trainer, logger."""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Protocol

import pytorch_lightning as pl
from omegaconf import DictConfig
from pytorch_lightning.callbacks import ModelCheckpoint, RichProgressBar
from torch import nn

from goldpan.channels.export import Architecture, architecture, rebuild
from goldpan.channels.shrinkable import counts_of
from goldpan.data.vision import VisionData
from goldpan.layers.swap import swap_norms
from goldpan.models.initialize import seeded
from goldpan.models.own import own_network
from goldpan.models.pretrained import classifier_layers
from goldpan.models.prunable import dense_sentence, left_dense, make_prunable
from goldpan.procedures.loggers import open_loggers
from goldpan.procedures.on_demand import check_on_demand, statistics_of
from goldpan.procedures.recipe import build_rate, choose_loss
from goldpan.runs.build import build
from goldpan.runs.fingerprint import FROM_FILES
from goldpan.runs.provenance import is_first_rank
from goldpan.runs.record import ARCHITECTURE, CHECKPOINT, Identity
from goldpan.training.callbacks.files import AtomicFiles
from goldpan.training.callbacks.stop_at import StopAt
from goldpan.training.classifier import Classifier
from goldpan.training.length import choose_length
from goldpan.training.system import System
from goldpan.types import Penalty


class Images(Protocol):
    """What a network has to know of images: their shape (C, H, W) and their number of classes."""

    @property
    def image_shape(self) -> tuple[int, int, int]: ...

    @property
    def classes(self) -> int: ...


def load_data(cfg: DictConfig) -> VisionData:
    """The dataset, read and checked; of the user's own images a line says what was found."""
    data: VisionData = build(cfg.dataset)
    data.load()
    if cfg.dataset.name in FROM_FILES and is_first_rank():
        _say_once(data.overview())
    return data


@cache
def _say_once(sentence: str) -> None:
    """Print a sentence once in this process: several stages of a run load the same images."""
    print(sentence, flush=True)


def build_system(
    cfg: DictConfig,
    data: VisionData,
    network: Callable[[int], nn.Module] | None = None,
    kind: Callable[..., System] = Classifier,
) -> System:
    """The network that fits the data, or `network`'s, drawn from the seed, and its optimizer.

    `kind` is the system of the task. Where a method cuts weights, those that it cannot are named in
    one line. Raises ValueError if what is to be measured of the trained network cannot be.
    """
    system = kind(
        network or partial(build_network, cfg, data),
        cfg.seed,
        penalty=build_penalty(cfg, data),
        bounded=cfg.method.get("bounded"),
        optimizer=build(cfg.recipe.optimizer),
        learning_rate=build_rate(cfg.recipe, choose_length(cfg.recipe, data.steps_per_epoch)),
        decay=cfg.recipe.decay,
        rate_moves=cfg.recipe.rate_moves,
        loss=choose_loss(cfg.recipe),
        splits=data.splits,
        channels_last=cfg.strategy.channels_last,
        compiled=cfg.strategy.compile,
        sparse_linear=cfg.strategy.sparse_linear,
    )
    check_on_demand(cfg, system.net, data)
    sentence = dense_sentence(left_dense(system.net)) if cfg.method.pruner else ""
    if sentence and is_first_rank():
        print(sentence, flush=True)
    return system


def build_penalty(cfg: DictConfig, data: VisionData) -> Penalty | None:
    """The method's penalty; one with an option `statistics` is given those of the images."""
    part = cfg.method.get("penalty")
    asks = part is not None and "statistics" in part
    penalty: Penalty | None = build(part, **({"statistics": statistics_of(data)} if asks else {}))
    return penalty


def build_network(cfg: DictConfig, data: Images, seed: int) -> nn.Module:
    """The configuration's model for the data's images and classes, with the method's norms.

    It has the sizes that lie beside the checkpoint to start from, if there is one.
    """
    channels, height, _ = data.image_shape
    model, own = build(cfg.model), not cfg.model._target_.startswith("goldpan.")
    if own:
        model = partial(own_network, model)
    net: nn.Module = model(classes=data.classes, channels=channels, image_size=height, seed=seed)
    if own or "name" in cfg.model:  # goldpan's own need no look
        with seeded(seed):
            make_prunable(net, data.image_shape, data.classes)
    if (norm := build(cfg.method.get("norm"))) is not None:
        with seeded(seed):
            swap_norms(net, norm)
    sizes = None if cfg.checkpoint is None else Path(cfg.checkpoint).parent / ARCHITECTURE
    if sizes is None or not sizes.exists():
        return net
    return _resized(net, json.loads(sizes.read_text()), data.classes, seed)


def _resized(net: nn.Module, layers: Architecture, classes: int, seed: int) -> nn.Module:
    """The network with the sizes of an architecture; its classifier keeps its own classes."""
    built, fresh = architecture(net), list[nn.Module]()
    for name, layer in classifier_layers(net, classes).items():
        outputs = counts_of(layer).outputs
        if layers.get(name, {}).get(outputs, classes) != classes:
            layers[name][outputs] = classes
            fresh += [layer] if layers[name] != built[name] else []
    net = rebuild(lambda: net, layers)
    with seeded(seed):
        for layer in fresh:  # `rebuild` leaves zeros in what it resizes
            layer.reset_parameters()  # type: ignore[operator]
    return net


def build_trainer(
    cfg: DictConfig, folder: Path, who: Identity, steps: int, callbacks: Sequence[pl.Callback]
) -> pl.Trainer:
    """Lightning's Trainer for the strategy; it keeps one checkpoint, that of the last epoch.

    `steps` are an epoch's; nothing is logged more often.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # its import sets INFO
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
        min_epochs=0,  # Lightning 2.6.6 takes 1 beside min_steps: no training could be shorter
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
