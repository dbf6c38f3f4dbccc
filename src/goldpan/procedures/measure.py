"""What a run came to: accuracies, sparsity, cost and time, put into its record."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytorch_lightning as pl
from torch import nn

from goldpan.channels.choosing import ChannelChoice
from goldpan.channels.latency import latencies
from goldpan.channels.surgery import plain
from goldpan.cost import CONVENTION, cost, live_paths
from goldpan.data.vision import VisionData
from goldpan.masks import digest, read_masks
from goldpan.models.pretrained import start_of
from goldpan.models.prunable import left_dense
from goldpan.procedures.on_demand import measure_on_demand
from goldpan.runs.curve import Row
from goldpan.runs.record import Record
from goldpan.runs.results import (
    Accuracies,
    Accuracy,
    ChannelResult,
    Costs,
    Histogram,
    Sparsity,
    WeightResult,
)
from goldpan.training.callbacks.csv_curve import read_metrics
from goldpan.training.callbacks.drop_and_grow import DropAndGrow
from goldpan.training.callbacks.monitor import compare_ranks
from goldpan.training.callbacks.pruner import Pruner
from goldpan.training.system import System


def measure(
    draft: Record,
    trainer: pl.Trainer,
    system: System,
    data: VisionData,
    rows: Sequence[Row],
    pruner: Pruner | None,
    importances: Histogram,
) -> Record:
    """The draft with its results, the accuracies of a classifier among them.

    A run that collapsed before training has no rows: its accuracy is that of the network as
    pruned, at epoch 0.
    """
    accuracies = choose_accuracies(curve_of(trainer, system, rows))
    record = measure_network(draft, system, data, rows, pruner, importances)
    more = measure_on_demand(system.net, data, draft.identity.choices)
    return replace(record, accuracies=accuracies, **more)


def measure_network(
    draft: Record,
    system: System,
    data: VisionData,
    rows: Sequence[Row],
    pruner: Pruner | None,
    importances: Histogram,
) -> Record:
    """The draft with what holds for any task: sparsity, cost, time.

    It is collapsed if no path of kept weights crosses the network.
    """
    masks = read_masks(system.net)
    spent = cost(system.net, data.image_shape)
    sparsity = sparsity_of(system.net, data.image_shape, draft.identity.choices["sparsity"])
    seconds = {"scoring": 0.0 if pruner is None else pruner.seconds} | sum_seconds(rows)
    return replace(
        draft,
        status="collapsed" if sparsity.effective == 1 else "finished",
        error=None,
        origin=replace(draft.origin, data=data.describe(), start=read_start(system.net)),
        costs=count_costs(system.net, data.image_shape, seconds, images_per_second(rows, data)),
        weights=WeightResult(
            sparsity,
            prunable=masks.total,
            parameters_kept=spent.parameters_kept,
            flops_without_cut=spent.flops_kept,
            masks=digest(masks),
            regrowth=pruner.regrowth if isinstance(pruner, DropAndGrow) else None,
            left_dense=left_dense(system.net),
        ),
        ranks=tuple(compare_ranks(system.net)),
        importances=importances,
    )


def curve_of(trainer: pl.Trainer, system: System, rows: Sequence[Row]) -> Sequence[Row]:
    """The rows of a training, or one of what a validation has just measured if it has none."""
    if rows:
        return rows
    return [
        {"epoch": 0, "step": 0, "sparsity": read_masks(system.net).sparsity} | read_metrics(trainer)
    ]


def read_start(net: nn.Module) -> dict[str, Any]:
    """What a record says of the pretrained weights that a network started from; {} of none."""
    start = start_of(net)
    return {} if start is None else asdict(start) | {"anew": list(start.anew)}


def choose_accuracies(curve: Sequence[Row]) -> Accuracies:
    """The accuracies of a curve that a record keeps."""
    return Accuracies(
        read_accuracy(curve[-1]),
        best=_best(curve, "val/accuracy"),
        best_on_test=_best(curve, "test/accuracy"),
        best_on_test_of_last_5=_best(curve[-5:], "test/accuracy"),
    )


def sparsity_of(net: nn.Module, shape: Sequence[int], asked: float) -> Sparsity:
    """The sparsity of a masked network; its effective sparsity is 1 if it has collapsed."""
    masks, live, spent = read_masks(net), live_paths(net, shape), cost(net, shape)
    return Sparsity(
        asked=asked,
        got=masks.sparsity,
        parameters=1 - spent.parameters_kept / spent.parameters,
        effective=None if live is None else live.sparsity,
        layers=masks.layers(),
    )


def reading(trainer: pl.Trainer) -> Accuracy:
    """The accuracies that a validation has just measured."""
    return read_accuracy({"epoch": 0, "step": 0} | read_metrics(trainer))


def read_accuracy(row: dict[str, Any]) -> Accuracy:
    """The accuracies in a row of the learning curve."""
    return Accuracy(
        epoch=int(row["epoch"]),
        test=row["test/accuracy"],
        val=row.get("val/accuracy"),
        train=row.get("train/accuracy"),
        step=int(row["step"]),
    )


def count_costs(
    net: nn.Module, shape: Sequence[int], seconds: Mapping[str, float], speed: float | None
) -> Costs:
    """The seconds of a run, its training images a second, and the size of its dense network."""
    dense = cost(net, shape)
    return Costs(seconds, dense.parameters, dense.flops, CONVENTION, speed)


def sum_seconds(rows: Sequence[Row]) -> dict[str, float]:
    """The seconds of a training that has these rows."""
    return {
        part: sum(row[f"{part}_seconds"] for row in rows) for part in ("training", "evaluation")
    }


def images_per_second(rows: Sequence[Row], data: VisionData) -> float | None:
    """The speed of a training that has these rows; None if there are none."""
    return rows[-1]["step"] * data.batch_size / sum_seconds(rows)["training"] if rows else None


def compare_sizes(
    asked: float,
    large: nn.Module,
    small: nn.Module,
    thinning: ChannelChoice,
    shape: Sequence[int],
    trained: Accuracy,
    pruned: Accuracy,
) -> ChannelResult:
    """What removing channels has saved: sizes, FLOPs, measured milliseconds.

    `trained` is the accuracy of the large network, `pruned` that of the small one before it was
    fine-tuned.
    """
    before, after, live = cost(large, shape), cost(small, shape), live_paths(small, shape)
    models = {"dense": plain(large).cpu(), "shrunk": plain(small).cpu()}
    return ChannelResult(
        Sparsity(
            asked=asked,
            got=thinning.removed(),
            parameters=1 - after.parameters / before.parameters,
            effective=None if live is None else 1 - live.kept / read_masks(large).total,
            layers={name: 1 - int(mask.sum()) / len(mask) for name, mask in thinning.kept.items()},
        ),
        parameters_left=after.parameters,
        flops_left=after.flops_kept,
        trained=trained,
        pruned=pruned,
        milliseconds={str(batch): latencies(models, shape, batch) for batch in (1, 128)},
        floored=thinning.floored,
    )


def _best(curve: Sequence[Row], by: str) -> Accuracy | None:
    row = best_row(curve, by)
    return read_accuracy(row) if row else None


def best_row(curve: Sequence[Row], by: str) -> Row | None:
    """The first row with the highest value in a column, among those at the final sparsity."""
    final = [row for row in curve if row["sparsity"] == curve[-1]["sparsity"] and by in row]
    return max(final, key=lambda row: row[by], default=None)
