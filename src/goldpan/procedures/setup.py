"""From configuration to the parts of an experiment: data, network, trainer, logger."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import wandb
from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning.callbacks import ModelCheckpoint, RichProgressBar
from pytorch_lightning.loggers import Logger, WandbLogger
from torch import nn

from goldpan.channels.export import rebuild
from goldpan.data.vision import VisionData
from goldpan.layers.swap import swap_norms
from goldpan.models.initialize import seeded
from goldpan.models.prunable import dense_sentence, left_dense, make_prunable
from goldpan.procedures.process import prepare_process
from goldpan.procedures.recipe import build_rate, choose_loss
from goldpan.runs.provenance import is_first_rank
from goldpan.runs.record import ARCHITECTURE, CHECKPOINT, Identity, Record
from goldpan.training.callbacks.files import AtomicFiles
from goldpan.training.callbacks.stop_at import StopAt
from goldpan.training.classifier import Classifier
from goldpan.training.length import choose_length

LONGEST_TAG, LONGEST_NAME = 64, 128
"""Characters that W&B takes."""


def load_data(cfg: DictConfig) -> VisionData:
    """The dataset, read and checked."""
    data: VisionData = instantiate(cfg.dataset)
    data.load()
    return data


def build_system(
    cfg: DictConfig, data: VisionData, build: Callable[[int], nn.Module] | None = None
) -> Classifier:
    """The network that fits the data, or `build`'s, drawn from the seed, and its optimizer.

    Where a method cuts weights, those that it cannot are named in one line.
    """
    system = Classifier(
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
    sentence = dense_sentence(left_dense(system.net)) if cfg.method.pruner else ""
    if sentence and is_first_rank():
        print(sentence, flush=True)
    return system


def build_network(cfg: DictConfig, data: VisionData, seed: int) -> nn.Module:
    """The configuration's model for the data's images and classes, with the method's norms.

    It has the sizes that lie beside the checkpoint to start from, if there is one.
    """
    channels, height, _ = data.image_shape
    model = instantiate(cfg.model)
    with seeded(seed):
        net: nn.Module = model(
            classes=data.classes, channels=channels, image_size=height, seed=seed
        )
        make_prunable(net, data.image_shape, data.classes)
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
        logger=open_logger(cfg, folder, who),
        default_root_dir=folder,
        enable_progress_bar=watched,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=steps,
        use_distributed_sampler=False,
    )


def open_logger(cfg: DictConfig, folder: Path, who: Identity) -> Logger | bool:
    """W&B or none, on the first process alone; a resumed run goes on under its own id.

    Runs of a table are a group. Where W&B cannot be reached the run is kept offline.
    """
    if not cfg.logger or not is_first_rank():
        return False
    start = partial(
        instantiate(cfg.logger),
        dir=folder,
        id=who.id,
        name=f"{who.method} {who.choices['sparsity']:g} seed {who.seed}"[:LONGEST_NAME],
        group=next((w[6:] for w in who.setting.split() if w.startswith("table=")), None),
        tags=[_tag(word) for word in (*who.setting.split(), who.method.split()[0])],
        config=dict(who.choices),
    )
    try:
        run = start()
    except wandb.Error as error:
        print(f"W&B cannot be reached ({error}); the run is logged offline, `wandb sync` sends it")
        wandb.teardown()  # it still holds the run's id
        run = start(mode="offline")
    except ValueError as error:  # W&B checks its environment variables by pydantic
        why = " ".join(str(error).split())
        raise ValueError(
            f"W&B cannot start ({why}); unset its variable, or choose logger=none"
        ) from error
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    for accuracy in ("val/accuracy", "test/accuracy"):
        run.define_metric(accuracy, step_metric="trainer/global_step", summary="last,max")
    for part, axis in (("panning", "round"), ("episode", "steps"), ("evaluation", "steps")):
        run.define_metric(f"{part}/{axis}")
        run.define_metric(f"{part}/*", step_metric=f"{part}/{axis}")
    return WandbLogger(experiment=run)


def _tag(word: str) -> str:
    """A word in the length that W&B allows a tag."""
    return word if len(word) <= LONGEST_TAG else f"{word[: LONGEST_TAG - 1]}…"


def close_logger(logger: Logger | bool | None, record: Record, pictures: Sequence[Path]) -> None:
    """Write record and pictures to W&B, and finish its run so that the next one is another."""
    if isinstance(logger, WandbLogger):
        for picture in pictures:
            logger.log_image(picture.stem, [str(picture)])
        if record.importances:
            counts = record.importances[-1]
            edges = [index / len(counts) for index in range(len(counts) + 1)]
            logger.experiment.log({"importances": wandb.Histogram(np_histogram=(counts, edges))})
        derived: dict[str, Any] = {"flops_kept": record.flops_kept}
        if record.sparsity is not None:
            derived["sparsity"] = asdict(record.sparsity)
        logger.experiment.summary.update({"record": asdict(record) | derived})
        logger.experiment.finish()
