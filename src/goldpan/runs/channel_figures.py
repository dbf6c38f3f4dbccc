"""Figures of a run that removes channels: importance by epoch, and channels kept by layer."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

from goldpan.pictures import figure
from goldpan.runs.record import Identity, Record


def draw_channels(record: Record, folder: Path) -> list[Path]:
    """Draw importances.png and channels.png if the record has the numbers; return their paths."""
    drawn = []
    if record.importances:
        drawn.append(folder / "importances.png")
        with figure(drawn[-1], 1, 2, (10, 4)) as ((over_time, at_last),):
            _draw_importances(over_time, at_last, record)
    if record.channels is not None:
        drawn.append(folder / "channels.png")
        with figure(drawn[-1], 1, 1, (10, 4)) as ((axis,),):
            _draw_kept(axis, record.identity, record.channels.sparsity.layers)
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
