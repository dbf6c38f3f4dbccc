"""Iterative magnitude pruning: train, cut a fraction, go back, train again, level by level.

J. Frankle and M. Carbin, The Lottery Ticket Hypothesis, ICLR 2019, arXiv 1803.03635: the weights
go back to the first ones. J. Frankle et al., arXiv 1903.01611: to those of an early step. A. Renda
et al., Comparing Rewinding and Fine-tuning, ICLR 2020, arXiv 2003.02389: what goes back is a choice
of its own for weights and learning rate. Their names, and `procedure.rewind` here:

| name | weights | rate |
|---|---|---|
| lottery (weight rewinding) | a duration such as 0it or 32ep | true |
| lr_finetune (rate rewinding) | null | true |
| lr_lottery | a time | false |
| finetune | null | false |

Each level is a run with a record of its own. Level L needs only level L - 1 and the dense training,
so two targets share the levels that both need. `controls` act on the last level alone: the levels
below it are those of the tickets.

*Interpretation*, where the papers are silent: statistics of norms and biases go back with the
weights; the optimizer is new; without a rewound rate the images go on after the last epoch.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from torch import Tensor, nn

from goldpan.allocation.quotas import keep_quotas
from goldpan.data.vision import VisionData
from goldpan.duration import Written
from goldpan.masks import LayerCollapse, Masks
from goldpan.procedures.levels import REWIND, level_below, perform_below, plan_below
from goldpan.procedures.measure import measure, sum_seconds
from goldpan.procedures.rewinding import Point, find_point, hold_rate, lengthened
from goldpan.procedures.setup import build_system, build_trainer, load_data
from goldpan.procedures.starting import load_start
from goldpan.procedures.train import check_left, finish, fit, train
from goldpan.runs.build import build
from goldpan.runs.checkpoint import load_weights, read_checkpoint
from goldpan.runs.curve import Row, early_stop
from goldpan.runs.record import CURVE, WEIGHTS, Record
from goldpan.runs.refusal import refusing
from goldpan.runs.results import Costs, LevelResult
from goldpan.training.callbacks.csv_curve import CsvCurve
from goldpan.training.callbacks.monitor import Monitor
from goldpan.training.callbacks.pruner import Pruner
from goldpan.training.callbacks.rewind import KeepWeights, NotTrained, StartAt
from goldpan.training.length import choose_length
from goldpan.training.system import System
from goldpan.types import Scores


def lottery(
    cfg: DictConfig,
    draft: Record,
    folder: Path,
    *,
    levels: int,
    rate: float,
    last_rate: float | None,
    rewind: Mapping[str, Any],
    epochs: Written | None,
    retrain: bool = True,
) -> Record:
    """Cut the network that the level below trained, go back as `rewind` says, and train again.

    The levels below are done first, unless they are done. The options are those of
    docs/options.md, settled: `levels` and `rate` are never null here. Without `retrain` the record
    is that of the network before its first step.
    """
    with refusing():
        point = find_point(cfg, load_data(cfg).steps_per_epoch, rewind, epochs)
    parent, place = perform_below(cfg, draft, folder, levels - 1)
    with refusing():
        data = load_data(cfg)
        system = build_system(cfg, data)
        check_left(system, cfg.sparsity)
        if point.schedule is None:
            hold_rate(system, cfg, data.steps_per_epoch)
        load_start(cfg, system.net, data.classes)
        first = copy.deepcopy(system.net)
        load_weights(system.net, place / WEIGHTS)
        _, dense = plan_below(level_below(cfg, 0), draft, folder, 0)
        weights = _weights(cfg, dense, first, system, point)
        pruner = _pruner(cfg, levels, rate, last_rate, weights)
        pruner.check(data, choose_length(cfg.recipe, data.steps_per_epoch))
        start = StartAt(point.start, data.steps_per_epoch, weights, trains=retrain)
        curve = CsvCurve(folder / CURVE)
        callbacks = [Monitor(), curve, pruner, start]
        longer = lengthened(cfg, point.end, data.steps_per_epoch)
        trainer = build_trainer(longer, folder, draft.identity, data.steps_per_epoch, callbacks)
    start.enter(trainer)
    try:
        fit(trainer, system, data, folder)
    except (LayerCollapse, NotTrained):
        trainer.validate(system, datamodule=data, verbose=False)
    record = measure(draft, trainer, system, data, curve.rows, pruner, [])
    record = replace(
        record,
        costs=_costs(record.costs, curve.rows, data, point.start),
        level=LevelResult(
            levels, parent.identity.id, point.rewound, point.schedule, early_stop(curve.rows)
        ),
    )
    finish(trainer, system, record, folder)
    return record


def train_and_keep(cfg: DictConfig, draft: Record, folder: Path, *, at: Written) -> Record:
    """The dense training, which also keeps its weights of the time `at`."""
    return train(cfg, draft, folder, more=[KeepWeights(at, folder / REWIND)])


def _weights(
    cfg: DictConfig, dense: Path, first: nn.Module, system: System, point: Point
) -> Mapping[str, Tensor]:
    """The weights that a level begins with; `dense` is the folder of the dense training.

    `first` is the network that it began with; `system` has the weights that the level below has
    trained.
    """
    if cfg.controls.reinitialize:
        return system.build(cfg.seed + 1).state_dict()
    if point.rewound is None:
        return copy.deepcopy(system.net.state_dict())
    if point.rewound > 0:
        return read_checkpoint(dense / REWIND)
    return first.state_dict()


def _pruner(
    cfg: DictConfig,
    level: int,
    rate: float,
    last_rate: float | None,
    weights: Mapping[str, Tensor],
) -> Pruner:
    """The method's pruner, which cuts once, to what the level keeps.

    A scorer that compares with the first weights is given those that the level begins with.
    """
    kept = (1 - rate) ** level
    change: dict[str, Any] = {"schedule": lambda _: 1 - kept, "reinitialize": False}
    if "first" in cfg.method.pruner.scorer:
        change["scorer"] = partial(build(cfg.method.pruner.scorer), first=weights)
    if last_rate is not None:
        change["allocator"] = partial(by_layer, kept=kept, last=(1 - last_rate) ** level)
    found: Pruner = build(cfg.method.pruner, **change)
    return found


def by_layer(scores: Scores, sparsity: float, alive: Masks, *, kept: float, last: float) -> Masks:
    """Keep the fraction `kept` of every layer, and `last` of the output layer."""
    *hidden, output = alive
    densities = dict.fromkeys(hidden, kept) | {output: last}
    total = sum(density * alive[name].numel() for name, density in densities.items())
    return keep_quotas(scores, 1 - total / alive.total, alive, lambda *_: densities)


def _costs(costs: Costs | None, rows: Sequence[Row], data: VisionData, start: int) -> Costs | None:
    """The costs with the speed of this training alone; its steps count on from the dense one's."""
    if costs is None or not rows:
        return costs
    taken = rows[-1]["step"] - start // data.steps_per_epoch * data.steps_per_epoch
    speed = taken * data.batch_size / sum_seconds(rows)["training"]
    return replace(costs, images_per_second=speed)
