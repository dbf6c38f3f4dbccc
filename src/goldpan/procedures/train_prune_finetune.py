"""Train, remove channels, train the smaller network again; many prunings share one training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import pytorch_lightning as pl
from omegaconf import DictConfig
from torch import nn

from goldpan.channels.choosing import (
    ChannelChoice,
    ChannelScorer,
    check_removable,
    choose_channels,
    nothing_removed,
    prunable_groups,
)
from goldpan.channels.scaling import scale_readers
from goldpan.channels.surgery import shrink
from goldpan.channels.valley import fraction_below_valley
from goldpan.data.vision import VisionData
from goldpan.procedures.channel_scorer import build_scorer
from goldpan.procedures.measure import (
    compare_sizes,
    count_costs,
    images_per_second,
    measure,
    reading,
    sum_seconds,
)
from goldpan.procedures.setup import build_system, build_trainer, load_data
from goldpan.procedures.stage import perform_stage
from goldpan.procedures.train import finish, fit
from goldpan.runs.build import build
from goldpan.runs.checkpoint import load_weights
from goldpan.runs.curve import Row
from goldpan.runs.experiment import finds_threshold
from goldpan.runs.record import BEST, CHECKPOINT, CURVE, WEIGHTS, Accuracy, Record
from goldpan.runs.refusal import refusing
from goldpan.training.callbacks.csv_curve import CsvCurve
from goldpan.training.callbacks.decay import Decay
from goldpan.training.callbacks.monitor import Monitor
from goldpan.training.classifier import Classifier
from goldpan.training.length import choose_length


def train_prune_finetune(cfg: DictConfig, draft: Record, folder: Path) -> Record:
    """Prune the channels of a trained network, and fine-tune it without the penalty.

    The training is a run of its own, done once for all that prune what it gives. Fine-tuning is
    the same recipe again, or `method.channels.epochs` of it. With `method.channels.rounds` above 1
    both are repeated, each round removing the same fraction of what is left.

    What is pruned first is the network after the last epoch of the training, or with `prune_from`
    best_on_test that of the epoch with the best test accuracy, which selects on the test set.
    With `threshold` first_valley no sparsity is asked for; the record has what came out as both.
    """
    with refusing():
        best = _takes_best(cfg)
        data = load_data(cfg)
        system = build_system(cfg, data)
        check_channels(cfg, system.net, data.image_shape)
        score = build_scorer(cfg, data)
    trained, weights = _train(cfg, draft, folder.parent, best)
    accuracies = trained.accuracies
    load_weights(system.net, weights)
    rounds = [folder / f"round{done}" for done in range(1, cfg.method.channels.rounds)]
    thinnings, tunings, net = list[ChannelChoice](), list[Tuning](), system.net
    for place in [*rounds, folder]:
        with refusing():
            choice, net = _thin(cfg, net, data.image_shape, score)
        thinnings.append(choice)
        tunings.append(_tune(cfg, draft, data, net, place, logged=place == folder))
    last = tunings[-1]
    record = measure(draft, last.trainer, last.system, data, last.rows, None, trained.importances)
    speed = images_per_second(last.rows, data)
    seconds = sum_seconds([row for tuning in tunings for row in tuning.rows])  # of all rounds
    thinning = reduce(lambda earlier, later: later.after(earlier), thinnings)
    record = replace(
        record,
        origin=replace(record.origin, start=trained.origin.start),
        costs=count_costs(system.net, data.image_shape, seconds, speed),
        weights=None,
        channels=compare_sizes(
            thinning.removed() if finds_threshold(cfg.method) else cfg.sparsity,
            system.net,
            last.system.net,
            thinning,
            data.image_shape,
            accuracies.best_on_test if best else accuracies.last,  # type: ignore[union-attr,arg-type]  # a run that is done has some
            last.before,
        ),
    )
    finish(last.trainer, last.system, record, folder)
    for place in rounds:
        (place / CHECKPOINT).unlink(missing_ok=True)
    return record


def check_channels(cfg: DictConfig, net: nn.Module, shape: Sequence[int]) -> None:
    """Raise ValueError, before the training, if no channel could be removed after it."""
    channels = cfg.method.channels
    at_once = channels.rounds == 1 and channels.target == "channels"
    allocate, scope = build(channels.allocate), channels.get("scope", "all")
    check_removable(net, shape, cfg.sparsity, allocate, scope, at_once=at_once)


def _takes_best(cfg: DictConfig) -> bool:
    """Whether the network that was best on the test set is pruned, instead of the last."""
    return bool(cfg.method.channels.prune_from == "best_on_test")


def _train(cfg: DictConfig, draft: Record, output: Path, best: bool) -> tuple[Record, Path]:
    """The run that trains the whole network, and the file of its weights; done at most once."""
    record, folder = perform_stage(training_stage(cfg), draft, output, "trained")
    return record, folder / (BEST if best else WEIGHTS)


def training_stage(cfg: DictConfig) -> DictConfig:
    """The configuration of the training alone, which is the same whatever will be removed after.

    A training that keeps its best weights too is a run of its own: others have no such file.
    """
    stage, best = cfg.copy(), _takes_best(cfg)
    stage.sparsity, stage.method.channels = 0.0, {"prune_from": "best_on_test"} if best else None
    stage.procedure = {"_target_": "goldpan.procedures.train.train", "_partial_": True}
    # A single run's schedule follows `sparsity`; in a sweep it holds a copy of the ratio.
    if "target" in stage.schedule:
        stage.schedule.target = 0.0
    return stage


def _thin(
    cfg: DictConfig, net: nn.Module, shape: Sequence[int], score: ChannelScorer
) -> tuple[ChannelChoice, nn.Module]:
    """What stays after one more round, and the smaller network."""
    channels = cfg.method.channels
    fraction = 1 - (1 - cfg.sparsity) ** (1 / channels.rounds)
    allocate = build(channels.allocate)
    scope = channels.get("scope", "all")
    groups = prunable_groups(net, shape, scope)
    if finds_threshold(cfg.method):
        fraction = fraction_below_valley(score(net, groups))
    choice = choose_channels(net, shape, fraction, allocate, channels.target, scope, score, groups)
    if cfg.sparsity > 0 and channels.rounds == 1 and choice.removed() == 0:
        raise nothing_removed(cfg.sparsity)
    return choice, shrink(scale_readers(net, groups, choice.scales), choice.kept, shape)


@dataclass(frozen=True)
class Tuning:
    """A fine-tuning that has ended, and the accuracies before it."""

    trainer: pl.Trainer
    system: Classifier
    rows: Sequence[Row]
    before: Accuracy


def _tune(
    cfg: DictConfig, draft: Record, data: VisionData, net: nn.Module, place: Path, *, logged: bool
) -> Tuning:
    """Measure the pruned network and train it, from the checkpoint in `place` if there is one."""
    tuning = cfg.copy()
    tuning.method.penalty = None
    if epochs := cfg.method.channels.epochs:
        length = choose_length(cfg.recipe, data.steps_per_epoch)
        tuning.recipe.epochs = f"{length.count(epochs)}it"
    if not logged:
        tuning.logger = {}
    place.mkdir(exist_ok=True)
    system, curve = build_system(tuning, data, lambda seed: net), CsvCurve(place / CURVE)
    callbacks: list[pl.Callback] = [Monitor(), curve]
    callbacks += [Decay(tuning.recipe.decay)] if tuning.recipe.decay else []
    trainer = build_trainer(tuning, place, draft.identity, data.steps_per_epoch, callbacks)
    trainer.validate(system, datamodule=data, verbose=False)
    before = reading(trainer)
    fit(trainer, system, data, place)
    return Tuning(trainer, system, curve.rows, before)
