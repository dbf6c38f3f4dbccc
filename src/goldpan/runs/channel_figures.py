"""Figures of a run that removes channels: importance by epoch, channels by layer, stability."""

from collections.abc import Mapping
from math import nan
from pathlib import Path
from textwrap import fill
from typing import Any

from goldpan.pictures import figure
from goldpan.runs.record import Identity, Record
from goldpan.runs.results import Stability


def draw_channels(record: Record, folder: Path) -> list[Path]:
    """Draw importances.png, channels.png and stability.png, as far as the record has their numbers.

    Returns the paths of those that were drawn.
    """
    drawn = []
    if record.importances:
        drawn.append(folder / "importances.png")
        with figure(drawn[-1], 1, 2, (10, 4)) as ((over_time, at_last),):
            _draw_importances(over_time, at_last, record)
    if record.channels is not None:
        drawn.append(folder / "channels.png")
        with figure(drawn[-1], 1, 1, (10, 4)) as ((axis,),):
            _draw_kept(axis, record.identity, record.channels.sparsity.layers)
    if record.channels is not None and record.channels.stability is not None:
        drawn.append(folder / "stability.png")
        with figure(drawn[-1], 1, 1, (6, 4)) as ((axis,),):
            _draw_stability(axis, record.identity, record.channels.stability)
    return drawn


def _draw_importances(over_time: Any, at_last: Any, record: Record) -> None:
    """Draw channels by importance and epoch on the left, and after the last epoch on the right."""
    counts = record.importances
    bins, epochs = len(counts[0]), len(counts)
    image = over_time.imshow(
        [[1 + count for count in row] for row in zip(*counts, strict=True)],
        norm="log",
        origin="lower",
        aspect="auto",
        extent=(0.5, epochs + 0.5, 0, 1),
        cmap="viridis",
    )
    over_time.figure.colorbar(image, ax=over_time, label="channels + 1")
    over_time.set(xlabel="epoch", ylabel="importance", title=record.identity.method)
    edges = [index / bins for index in range(bins)]
    at_last.bar(edges, counts[-1], width=1 / bins, align="edge", color="#0072B2")
    at_last.set(
        xlabel="importance", ylabel="channels", title=f"after epoch {epochs}", yscale="symlog"
    )


def _draw_kept(axis: Any, who: Identity, lost: Mapping[str, float]) -> None:
    """Draw the percentage of channels that each layer kept; `lost` is the fraction that it lost."""
    axis.bar(range(len(lost)), [100 * (1 - part) for part in lost.values()], color="#009E73")
    axis.set_xticks(range(len(lost)), lost, rotation=60, ha="right", fontsize="x-small")
    axis.set(ylabel="channels kept (%)", ylim=(0, 100))
    axis.set_title(fill(f"{who.method}, {who.setting}", 110), fontsize="small")


def _draw_stability(axis: Any, who: Identity, stability: Stability) -> None:
    """Draw the stability of the choice by epoch, with the threshold and the epoch of the cut."""
    values = [nan if value is None else value for value in stability.values]
    axis.plot(range(1, len(values) + 1), values, "o-", color="#0072B2", label="stability")
    threshold = who.choices["method"]["channels"]["stable"]["threshold"]
    axis.axhline(threshold, color="#D55E00", linestyle="--", label=f"threshold {threshold:g}")
    if stability.settled is not None:
        axis.axvline(stability.settled, color="#009E73", linestyle=":", label="channels went")
    axis.set(xlabel="epoch", ylabel="stability of the choice", ylim=(0, 1.02))
    axis.locator_params(axis="x", integer=True)
    axis.set_title(fill(f"{who.method}, {who.setting}", 70), fontsize="small")
    axis.legend()
