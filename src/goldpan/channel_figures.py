"""Pictures of a run that removes channels: importances by epoch, and what each layer kept."""

from pathlib import Path
from textwrap import fill
from typing import Any

from goldpan.record import Record


def draw_channels(record: Record, folder: Path) -> list[Path]:
    """Draw importances.png and channels.png where the record has their numbers; return paths."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    drawn = []
    if record.importances:
        figure, (over_time, at_last) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
        _draw_importances(figure, over_time, at_last, record)
        drawn.append(_save(figure, folder / "importances.png"))
    if record.sparsity is not None and record.sparsity.granularity == "channel":
        figure, axis = pyplot.subplots(figsize=(10, 4), layout="constrained")
        _draw_kept(axis, record)
        drawn.append(_save(figure, folder / "channels.png"))
    return drawn


def _save(figure: Any, path: Path) -> Path:
    from matplotlib import pyplot

    figure.savefig(path, dpi=160)
    pyplot.close(figure)
    return path


def _draw_importances(figure: Any, over_time: Any, at_last: Any, record: Record) -> None:
    """Left: channels by importance and epoch, as colours. Right: the last epoch's histogram."""
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
    figure.colorbar(image, ax=over_time, label="channels + 1")
    over_time.set(xlabel="epoch", ylabel="importance", title=record.method)
    edges = [index / bins for index in range(bins)]
    at_last.bar(edges, counts[-1], width=1 / bins, align="edge", color="#0072B2")
    at_last.set(
        xlabel="importance", ylabel="channels", title=f"after epoch {epochs}", yscale="symlog"
    )


def _draw_kept(axis: Any, record: Record) -> None:
    """The fraction of channels that each layer kept."""
    layers = record.sparsity.layers if record.sparsity is not None else {}
    axis.bar(range(len(layers)), [100 * (1 - cut) for cut in layers.values()], color="#009E73")
    axis.set_xticks(range(len(layers)), layers, rotation=60, ha="right", fontsize="x-small")
    axis.set(ylabel="channels kept (%)", ylim=(0, 100))
    axis.set_title(fill(f"{record.method}, {record.setting}", 110), fontsize="small")
