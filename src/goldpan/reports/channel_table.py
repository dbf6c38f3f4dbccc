"""The table of runs that removed channels: accuracy before and after, size, FLOPs, milliseconds."""

from collections.abc import Sequence
from statistics import mean

from goldpan.reports.bands import summarize
from goldpan.reports.results import Panel
from goldpan.reports.spec import Table
from goldpan.reports.text import markdown, shown
from goldpan.runs.record import Accuracy, Record

HEADER = (
    *("channels removed", "trained (%)", "pruned (%)", "fine-tuned (%)", "n"),
    *("parameters", "FLOPs", "ms, batch 1", "ms, batch 128"),
)


def channel_table(panel: Panel, table: Table) -> str:
    """A panel's cells whose runs removed channels, as Markdown; empty if there is none.

    Each number is a mean over seeds. Parameters and FLOPs say what is left and the fraction
    removed; milliseconds those of the dense network and of the shrunk one, measured in turn.
    """
    rows = []
    for (row, column), cell in panel.cells.items():
        if removed := [record for record in cell.records if _removed_channels(record)]:
            where = [shown(table.rows, row), shown(table.columns, column)]
            rows.append([*where, *channel_row(removed)])
    return markdown([table.rows, table.columns, *HEADER], rows) if rows else ""


def channel_row(same: Sequence[Record]) -> list[str]:
    """What HEADER names, of the runs of one cell."""
    return [
        f"{100 * mean(r.sparsity.got for r in same if r.sparsity is not None):.1f} %",
        _accuracy([record.trained for record in same]),
        _accuracy([record.pruned for record in same]),
        _accuracy([record.last for record in same]),
        str(len(same)),
        _left([r.parameters["all"] for r in same], [r.parameters["kept"] for r in same]),
        _left([int(r.flops["dense"]) for r in same], [int(r.flops["sparse"]) for r in same]),
        _milliseconds(same, 1),
        _milliseconds(same, 128),
    ]


def _removed_channels(record: Record) -> bool:
    return record.sparsity is not None and record.sparsity.granularity == "channel"


def _left(before: Sequence[int], after: Sequence[int]) -> str:
    return f"{mean(after) / 1e6:.3g} M (-{100 * (1 - mean(after) / mean(before)):.1f} %)"


def _milliseconds(same: Sequence[Record], batch: int) -> str:
    dense = mean(record.latency[f"dense, batch {batch}"] for record in same)
    shrunk = mean(record.latency[f"shrunk, batch {batch}"] for record in same)
    return f"{dense:.2f} -> {shrunk:.2f} ({dense / shrunk:.1f}x)"


def _accuracy(found: Sequence[Accuracy | None]) -> str:
    values = [accuracy.test for accuracy in found if accuracy is not None]
    return str(summarize(values)) if values else "-"
