"""When early stopping would have ended the runs of a cell, and how good they were then.

That is the evaluation with the smallest validation loss, found afterwards, as J. Frankle and
M. Carbin, arXiv 1803.03635, measure how fast a network learns.
"""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from goldpan.pictures import RULES, STYLES, figure
from goldpan.reports.claim import COMPARED
from goldpan.reports.results import Panel
from goldpan.reports.spec import Table
from goldpan.reports.table_cell import TableCell
from goldpan.runs.curve import read_curve, row_of_early_stop
from goldpan.runs.record import CURVE


def compared(cell: TableCell, metric: str) -> dict[int, float]:
    """One of COMPARED by seed, of the runs of a cell that count; a run without it is left out."""
    if metric == "last":
        return {r.identity.seed: one.test for r in cell.records if (one := r.accuracy("last"))}
    column, found = "step" if metric == "early_stop" else "test/accuracy", dict[int, float]()
    for record in cell.records:
        (folder,) = (one for one in cell.folders if one.name.endswith(record.identity.id))
        path = folder / CURVE
        if path.exists() and (row := row_of_early_stop(read_curve(path))):
            found[record.identity.seed] = row[column]
    return found


def draw_early_stopping(panel: Panel, table: Table, path: Path) -> Path | None:
    """Draw step and accuracy of early stopping against what is kept; None without such runs."""
    lines = panel.lines(table)
    found = {
        name: {metric: _points(cells, metric) for metric in COMPARED}
        for name, cells in lines.items()
        if "sparsity" in (table.rows, table.columns)
    }
    found = {name: points for name, points in found.items() if points["early_stop"]}
    if not found:
        return None
    size = (10.5, 3.0 + 0.2 * ceil(len(found) / 4))
    with figure(path, 1, 3, size, rules=RULES, dpi=200) as ((*axes,),):
        for axis, metric in zip(axes, COMPARED, strict=True):
            for (name, points), (colour, marker) in zip(found.items(), STYLES, strict=False):
                x, y, spread = zip(*points[metric], strict=True)
                look = {"color": colour, "marker": marker, "markersize": 3.5}
                axis.errorbar(x, y, spread, label=name, capsize=2, linewidth=1.2, **look)
            axis.set(xscale="log", xlabel="weights kept (%)", ylabel=COMPARED[metric])
            places = sorted({point[0] for points in found.values() for point in points[metric]})
            axis.set_xticks(places, [f"{place:.3g}" for place in places])
            axis.set_xticks([], minor=True)
            axis.invert_xaxis()
            axis.grid(alpha=0.3, linewidth=0.5)
        handles, names = axes[0].get_legend_handles_labels()
        place: dict[str, Any] = {"loc": "outside lower center", "frameon": False}
        axes[0].figure.legend(handles, names, ncols=min(4, len(names)), **place)
    return path


def _points(cells: Sequence[TableCell], metric: str) -> list[tuple[float, float, float]]:
    """What is kept (%), mean and deviation of each cell with runs, the most kept first."""
    found = [
        (100 * (1 - float(cell.axes["sparsity"])), [*compared(cell, metric).values()])
        for cell in cells
    ]
    return [
        (x, mean(y), stdev(y) if len(y) > 1 else 0.0)
        for x, y in sorted(found, key=lambda one: -one[0])
        if y
    ]
