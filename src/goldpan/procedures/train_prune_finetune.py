"""Train, remove channels, train the smaller network again; many prunings share one training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from pathlib import Path
from time import perf_counter

import pytorch_lightning as pl
from omegaconf import DictConfig
from torch import nn

from goldpan.channels.choosing import (
    ChannelChoice,
    ChannelScorer,
    check_removable,
    choose_channels,
    fraction_of_round,
    nothing_removed,
    prunable_groups,
)
from goldpan.channels.groups import ChannelGroup
from goldpan.channels.scaling import carry_out
from goldpan.channels.valley import fraction_below_valley
from goldpan.data.vision import VisionData
from goldpan.procedures.beginning import UNTRAINED, Beginning, begin_untrained
from goldpan.procedures.channel_scorer import build_scorer
from goldpan.procedures.growing import PLACE as GROWTH
from goldpan.procedures.growing import grow, growth_data
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
from goldpan.runs.record import BEST, CHECKPOINT, CURVE, WEIGHTS, Record
from goldpan.runs.refusal import refusing
from goldpan.runs.results import Accuracy
from goldpan.training.callbacks.csv_curve import CsvCurve
from goldpan.training.callbacks.monitor import Monitor
from goldpan.training.length import choose_length
from goldpan.training.system import System


def train_prune_finetune(cfg: DictConfig, draft: Record, folder: Path) -> Record:
    """Prune the channels of a trained network, and fine-tune it without the penalty.

    With `method.channels.keep_penalty` the penalty stays.

    The training is a run of its own, done once for all that prune what it gives. Fine-tuning is
    the same recipe again, or `method.channels.epochs` of it. With `method.channels.rounds` above 1
    both are repeated, each round removing the same fraction of what is left.

    What is pruned first is the network after the last epoch of the training, or with `prune_from`
    best_on_test that of the epoch with the best test accuracy, which selects on the test set. With
    untrained there is no training before: what is called fine-tuning here is the training.
    With `threshold` first_valley no sparsity is asked for; the record has what came out as both.
    With `growth` the channels that go are chosen and shrunk in a training before each removal.
    The record's seconds of `scoring` are those of all other choices.
    """
    with refusing():
        data = load_data(cfg)
        system = build_system(cfg, data)
        check_channels(cfg, system.net, data.image_shape)
        choose = partial(thin, cfg, shape=data.image_shape, score=build_scorer(cfg, data))
        growing = growth_data(cfg, data) if cfg.method.channels.get("growth") else None
    beginning = _begin(cfg, draft, folder, system, data)
    scope = cfg.method.channels.get("scope", "all")
    rounds = [folder / f"round{done}" for done in range(1, cfg.method.channels.rounds)]
    thinnings, rows = list[ChannelChoice](), list[Row]()  # of all rounds
    net, scoring = system.net, 0.0
    for place in [*rounds, folder]:
        grown = None if growing is None else grow(cfg, draft, growing, net, place, choose)
        begun = perf_counter()
        with refusing():
            thinnings.append(choose(net) if grown is None else grown.choice)
            scoring += perf_counter() - begun
            net = carry_out(net, thinnings[-1], data.image_shape, scope)
        last = tune(cfg, draft, data, net, place, logged=place == folder)
        rows += [*(() if grown is None else grown.rows), *last.rows]
    thinning = reduce(lambda earlier, later: later.after(earlier), thinnings)
    seconds = {"scoring": scoring} | sum_seconds(rows)
    record = measure_thinned(cfg, draft, data, system.net, beginning, thinning, last, seconds)
    finish(last.trainer, last.system, record, folder)
    for place in [*rounds, *(one / GROWTH for one in [*rounds, folder])]:
        (place / CHECKPOINT).unlink(missing_ok=True)
    return record


def check_channels(cfg: DictConfig, net: nn.Module, shape: Sequence[int]) -> None:
    """Raise ValueError, before the training, if no channel could be removed after it."""
    channels = cfg.method.channels
    at_once = channels.rounds == 1 and channels.target == "channels"
    allocate, scope = build(channels.allocate), channels.get("scope", "all")
    check_removable(
        net, shape, cfg.sparsity, allocate, scope, at_once=at_once, target=channels.target
    )


def _takes_best(cfg: DictConfig) -> bool:
    """Whether the network that was best on the test set is pruned, instead of the last."""
    return bool(cfg.method.channels.prune_from == "best_on_test")


def _begin(
    cfg: DictConfig, draft: Record, folder: Path, system: System, data: VisionData
) -> Beginning:
    """Put the network to prune into `system`: that of a run, done at most once, or as it is."""
    if cfg.method.channels.prune_from == UNTRAINED:
        return begin_untrained(cfg, draft, folder, system, data)
    best = _takes_best(cfg)
    trained, place = perform_stage(training_stage(cfg), draft, folder.parent, "trained")
    load_weights(system.net, place / (BEST if best else WEIGHTS))
    accuracies = trained.accuracies
    assert accuracies is not None  # a run that is done has some
    accuracy = accuracies.best_on_test if best else accuracies.last
    assert accuracy is not None
    return Beginning(accuracy, trained.importances, trained.origin.start)


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


def thin(
    cfg: DictConfig,
    net: nn.Module,
    groups: Sequence[ChannelGroup] | None = None,
    *,
    shape: Sequence[int],
    score: ChannelScorer,
) -> ChannelChoice:
    """What stays after one more round; `groups` are those of `prunable_groups`, if known."""
    channels = cfg.method.channels
    fraction = fraction_of_round(cfg.sparsity, channels.rounds)
    allocate = build(channels.allocate)
    scope = channels.get("scope", "all")
    groups = prunable_groups(net, shape, scope) if groups is None else groups
    if finds_threshold(cfg.method):
        fraction = fraction_below_valley(score(net, groups))
    choice = choose_channels(net, shape, fraction, allocate, channels.target, scope, score, groups)
    if cfg.sparsity > 0 and channels.rounds == 1 and choice.removed() == 0:
        raise nothing_removed(cfg.sparsity)
    return choice


def tuning_stage(cfg: DictConfig, epoch_steps: int) -> DictConfig:
    """The fine-tuning: of its own length and rate, without the penalty unless that is kept."""
    stage, channels = cfg.copy(), cfg.method.channels
    if not channels.get("keep_penalty"):
        stage.method.penalty = None
    if channels.epochs:
        steps = choose_length(cfg.recipe, epoch_steps).count(channels.epochs)
        stage.recipe.epochs = f"{max(1, steps)}it"
    if "rate" in channels:
        stage.recipe.optimizer.lr *= channels.rate
    return stage


@dataclass(frozen=True)
class Tuning:
    """A fine-tuning that has ended, and the accuracies before it."""

    trainer: pl.Trainer
    system: System
    rows: Sequence[Row]
    before: Accuracy


def tune(
    cfg: DictConfig, draft: Record, data: VisionData, net: nn.Module, place: Path, *, logged: bool
) -> Tuning:
    """Measure the pruned network and train it, from the checkpoint in `place` if there is one."""
    tuning = tuning_stage(cfg, data.steps_per_epoch)
    if not logged:
        tuning.logger = {}
    place.mkdir(exist_ok=True)
    system, curve = build_system(tuning, data, lambda seed: net), CsvCurve(place / CURVE)
    callbacks: list[pl.Callback] = [Monitor(), curve]
    trainer = build_trainer(tuning, place, draft.identity, data.steps_per_epoch, callbacks)
    trainer.validate(system, datamodule=data, verbose=False)
    before = reading(trainer)
    fit(trainer, system, data, place)
    return Tuning(trainer, system, curve.rows, before)


def measure_thinned(
    cfg: DictConfig,
    draft: Record,
    data: VisionData,
    dense: nn.Module,
    beginning: Beginning,
    thinning: ChannelChoice,
    last: Tuning,
    seconds: Mapping[str, float],
) -> Record:
    """The draft with what became of a `dense` network, and the seconds of the parts of the run."""
    record = measure(draft, last.trainer, last.system, data, last.rows, None, beginning.importances)
    speed = images_per_second(last.rows, data)
    return replace(
        record,
        origin=replace(record.origin, start=beginning.start),
        costs=count_costs(dense, data.image_shape, seconds, speed),
        weights=None,
        channels=compare_sizes(
            thinning.removed() if finds_threshold(cfg.method) else cfg.sparsity,
            dense,
            last.system.net,
            thinning,
            data.image_shape,
            beginning.accuracy,
            last.before,
        ),
    )
