"""What a run came to: accuracies, sparsity, cost and time, put into its record."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytorch_lightning as pl
from torch import nn

from goldpan.channels.choosing import ChannelChoice
from goldpan.channels.latency import latencies
from goldpan.channels.surgery import plain
from goldpan.cost import CONVENTION, cost, live_paths
from goldpan.data.vision import VisionData
from goldpan.masks import digest, read_masks
from goldpan.runs.record import Accuracy, Histogram, Record, Sparsity
from goldpan.training.callbacks.csv_curve import Row, read_metrics
from goldpan.training.callbacks.monitor import compare_ranks
from goldpan.training.callbacks.pruner import Pruner
from goldpan.training.classifier import Classifier


def measure(
    draft: Record,
    trainer: pl.Trainer,
    system: Classifier,
    data: VisionData,
    rows: Sequence[Row],
    pruner: Pruner | None,
    importances: Histogram,
) -> Record:
    """The draft with its results; collapsed if no path of kept weights crosses the network.

    A run that collapsed before training has no rows: its accuracy is that of the network as
    pruned, at epoch 0.
    """
    masks = read_masks(system.net)
    live = live_paths(system.net, data.image_shape)
    spent = cost(system.net, data.image_shape)
    curve = rows or [{"epoch": 0, "sparsity": masks.sparsity} | read_metrics(trainer)]
    training = sum(row.get("training_seconds", 0.0) for row in rows)
    seconds = {
        "scoring": pruner.seconds if pruner is not None else 0.0,
        "training": training,
        "evaluation": sum(row.get("evaluation_seconds", 0.0) for row in rows),
    }
    return replace(
        draft,
        status="finished" if live.kept else "collapsed",
        error=None,
        data=data.describe(),
        seconds=seconds,
        images_per_second=rows[-1]["step"] * data.batch_size / training if rows else None,
        sparsity=Sparsity(
            asked=draft.choices["sparsity"],
            got=masks.sparsity,
            parameters=1 - spent.parameters_kept / spent.parameters,
            effective=live.sparsity,
            layers=masks.layers(),
        ),
        parameters={
            "all": spent.parameters,
            "kept": spent.parameters_kept,
            "prunable": masks.total,
        },
        flops={"dense": spent.flops, "sparse": spent.flops_kept, "convention": CONVENTION},
        masks=digest(masks),
        ranks=tuple(compare_ranks(system.net)),
        last=_accuracy(curve[-1]),
        best=_best(curve, "val/accuracy"),
        best_on_test=_best(curve, "test/accuracy"),
        importances=importances,
    )


def reading(trainer: pl.Trainer) -> Accuracy:
    """The accuracies that a validation has just measured."""
    return _accuracy({"epoch": 0} | read_metrics(trainer))


def compare_sizes(
    record: Record,
    large: nn.Module,
    small: nn.Module,
    thinning: ChannelChoice,
    shape: Sequence[int],
) -> Record:
    """The record with what removing channels has saved: sizes, FLOPs, measured milliseconds."""
    before, after = cost(large, shape), cost(small, shape)
    models = {"dense": plain(large).cpu(), "shrunk": plain(small).cpu()}
    measured = {
        f"{name}, batch {batch}": milliseconds
        for batch in (1, 128)
        for name, milliseconds in latencies(models, shape, batch).items()
    }
    return replace(
        record,
        sparsity=Sparsity(
            asked=record.choices["sparsity"],
            got=thinning.removed(),
            parameters=1 - after.parameters / before.parameters,
            effective=1 - live_paths(small, shape).kept / read_masks(large).total,
            layers={name: 1 - int(mask.sum()) / len(mask) for name, mask in thinning.kept.items()},
            granularity="channel",
        ),
        parameters={"all": before.parameters, "kept": after.parameters},
        flops={"dense": before.flops, "sparse": after.flops_kept, "convention": CONVENTION},
        latency=measured,
        floored=thinning.floored,
    )


def _best(curve: Sequence[Row], by: str) -> Accuracy | None:
    """The first row with the highest accuracy among those at the final sparsity."""
    final = [row for row in curve if row["sparsity"] == curve[-1]["sparsity"] and by in row]
    return _accuracy(max(final, key=lambda row: row[by])) if final else None


def _accuracy(row: dict[str, Any]) -> Accuracy:
    return Accuracy(
        epoch=int(row["epoch"]),
        test=row["test/accuracy"],
        val=row.get("val/accuracy"),
        train=row.get("train/accuracy"),
    )
