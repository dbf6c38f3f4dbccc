"""The table of runs that removed channels: accuracy before and after, size, FLOPs, milliseconds."""

from collections.abc import Mapping, Sequence
from statistics import mean

from goldpan.reports.results import Panel
from goldpan.reports.samples import summarize
from goldpan.reports.spec import Table
from goldpan.reports.text import markdown, shown
from goldpan.runs.record import Record
from goldpan.runs.results import Accuracy

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
        if removed := [record for record in cell.records if record.channels is not None]:
            where = [shown(table.rows, row), shown(table.columns, column)]
            rows.append([*where, *channel_row(removed)])
    if not rows:
        return ""
    return markdown([table.rows, table.columns, *HEADER], rows) + _never_settled(panel)


def _never_settled(panel: Panel) -> str:
    """A sentence on the runs whose choice of channels never settled; empty if there are none."""
    records = [record for cell in panel.cells.values() for record in cell.records]
    found = [
        f"{one.identity.method} at {one.channels.sparsity.asked:g}, seed {one.identity.seed}"
        for one in records
        if one.channels and one.channels.stability and one.channels.stability.settled is None
    ]
    if not found:
        return ""
    return f"\n\nNever settled, cut after the last epoch and untrained since: {'; '.join(found)}."


def channel_row(same: Sequence[Record]) -> list[str]:
    """What HEADER names, of the runs of one cell."""
    dense = [record.costs for record in same if record.costs is not None]
    small = [record.channels for record in same if record.channels is not None]
    return [
        f"{100 * mean(one.sparsity.got for one in small):.1f} %",
        _accuracy([one.trained for one in small]),
        _accuracy([one.pruned for one in small]),
        _accuracy([record.accuracy("last") for record in same]),
        str(len(same)),
        _left([one.parameters for one in dense], [one.parameters_left for one in small]),
        _left([one.flops for one in dense], [one.flops_left for one in small]),
        *(_milliseconds([one.milliseconds[batch] for one in small]) for batch in ("1", "128")),
    ]


def _left(before: Sequence[int], after: Sequence[int]) -> str:
    return f"{mean(after) / 1e6:.3g} M (-{100 * (1 - mean(after) / mean(before)):.1f} %)"


def _milliseconds(measured: Sequence[Mapping[str, float]]) -> str:
    dense, shrunk = (mean(one[name] for one in measured) for name in ("dense", "shrunk"))
    return f"{dense:.2f} -> {shrunk:.2f} ({dense / shrunk:.1f}x)"


def _accuracy(found: Sequence[Accuracy | None]) -> str:
    values = [accuracy.test for accuracy in found if accuracy is not None]
    return str(summarize(values)) if values else "-"
