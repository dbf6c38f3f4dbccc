"""Train, remove channels once it has settled which, and train the smaller network on to the end."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytorch_lightning as pl
from omegaconf import DictConfig
from torch import nn

from goldpan.channels.choosing import (
    ChannelChoice,
    check_removable,
    choose_channels,
    prunable_groups,
)
from goldpan.channels.export import architecture
from goldpan.channels.stability import Watch
from goldpan.channels.surgery import shrink
from goldpan.data.vision import VisionData
from goldpan.files import write_atomically
from goldpan.procedures.channel_scorer import build_scorer
from goldpan.procedures.measure import (
    compare_sizes,
    count_costs,
    images_per_second,
    measure,
    read_accuracy,
    sum_seconds,
)
from goldpan.procedures.setup import build_system, build_trainer, load_data
from goldpan.procedures.starting import load_start, say_start
from goldpan.procedures.train import after_step, check_penalty, finish, fit
from goldpan.runs.build import build
from goldpan.runs.checkpoint import read_checkpoint
from goldpan.runs.curve import Row
from goldpan.runs.record import ARCHITECTURE, CHECKPOINT, CURVE, Record
from goldpan.runs.refusal import refusing
from goldpan.runs.results import Stability
from goldpan.training.callbacks.csv_curve import CsvCurve
from goldpan.training.callbacks.importances import Importances
from goldpan.training.callbacks.monitor import Monitor
from goldpan.training.callbacks.when_stable import STATE, WhenStable
from goldpan.training.system import System


def thin_when_stable(cfg: DictConfig, draft: Record, folder: Path) -> Record:
    """Train once; in the middle channels go for good, and the penalty stays.

    The record's best accuracies are those of the smaller network alone. `channels.trained` and
    `channels.pruned` are the accuracies just before and after the channels went.
    """
    with refusing():
        data = load_data(cfg)
        system = build_system(cfg, data)
        load_start(cfg, system.net, data.classes)
        say_start(system.net)
        check_penalty(system, data)
        whole = copy.deepcopy(system.net)
        stable = WhenStable(_chooser(cfg, system.net, data), _watch(cfg), data.image_shape)
        take_up(system, folder / CHECKPOINT, data.image_shape)
        curve, importances = CsvCurve(folder / CURVE), Importances()
        callbacks: list[pl.Callback] = [Monitor(), curve]
        callbacks += [importances] if system.penalty is not None else []
        callbacks += after_step(cfg)
        callbacks += [stable, Sizes(stable, folder / ARCHITECTURE)]  # after what reads the epoch
        trainer = build_trainer(cfg, folder, draft.identity, data.steps_per_epoch, callbacks)
    fit(trainer, system, data, folder)
    rows = thin_rows(curve.rows, stable)
    record = measure(draft, trainer, system, data, rows, None, importances.histogram)
    record = add_channels(record, whole, system, stable, curve.rows, data)
    finish(trainer, system, record, folder)
    return record


class Sizes(pl.Callback):
    """Writes the sizes of the smaller network beside the checkpoint that has its weights.

    So that checkpoint can be loaded by another run, as `checkpoint=` does with a final network.
    """

    def __init__(self, stable: WhenStable, path: Path) -> None:
        self.stable, self.path = stable, path

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write them, once a checkpoint has been written since channels went."""
        if self.stable.kept_channels and trainer.is_global_zero:
            sizes = json.dumps(architecture(pl_module.net), indent=2)  # type: ignore[arg-type]
            write_atomically(self.path, sizes)


def take_up(system: System, checkpoint: Path, shape: Sequence[int]) -> None:
    """Put the smaller network in place if the checkpoint of a run that was cut short has one.

    Lightning 2.6.6 loads the weights and makes the optimizer before it gives callbacks their
    states, so that the network needs its sizes here.
    """
    if checkpoint.exists():
        state = read_checkpoint(checkpoint)["callbacks"].get(STATE)
        if state is not None and state["kept_channels"]:
            system.replace_network(shrink(system.net, state["kept_channels"], shape))


def thin_rows(rows: Sequence[Row], stable: WhenStable) -> list[Row]:
    """The rows of the smaller network; if it was not trained, one row of it as it was pruned."""
    later = [row for row in rows if row["epoch"] > stable.after["epoch"]]
    measured = {name: value for name, value in rows[-1].items() if "/" not in name}
    return later or [measured | stable.after]


def add_channels(
    record: Record,
    whole: nn.Module,
    system: System,
    stable: WhenStable,
    rows: Sequence[Row],
    data: VisionData,
) -> Record:
    """The record with what became of the channels, and the costs of the whole training."""
    seconds = {"scoring": stable.seconds} | sum_seconds(rows)
    channels = compare_sizes(
        record.identity.choices["sparsity"],
        whole,
        system.net,
        ChannelChoice(stable.kept_channels, stable.floored),
        data.image_shape,
        read_accuracy(stable.before),
        read_accuracy(stable.after),
    )
    return replace(
        record,
        costs=count_costs(whole, data.image_shape, seconds, images_per_second(rows, data)),
        weights=None,
        channels=replace(channels, stability=Stability(stable.stabilities, stable.settled)),
    )


def _chooser(
    cfg: DictConfig, net: nn.Module, data: VisionData
) -> Callable[[nn.Module], ChannelChoice]:
    """What chooses the channels that stay; raises ValueError if none could go."""
    channels, shape = cfg.method.channels, data.image_shape
    allocate = build(channels.allocate)
    check_removable(net, shape, cfg.sparsity, allocate)
    choose = partial(
        choose_channels,
        shape=shape,
        sparsity=cfg.sparsity,
        allocate=allocate,
        target=channels.target,
        score=build_scorer(cfg, data),
        groups=prunable_groups(net, shape),  # of every epoch: to trace takes longer than to sort
    )
    if cfg.sparsity > 0 and choose(net).removed() == 0:
        raise ValueError(
            f"sparsity {cfg.sparsity:g} removes no channel of this network; choose a higher one"
        )
    return choose


def _watch(cfg: DictConfig) -> Watch:
    """When the choice counts as settled."""
    stable = dict(cfg.method.channels.stable)
    return Watch(**stable | {"similarity": build(stable["similarity"])})
