"""Two methods in pairs of one seed, and which methods of a place are best as far as seeds tell."""

from collections.abc import Mapping, Sequence
from math import nan
from statistics import fmean

from goldpan.differences import LEVEL, holm, paired
from goldpan.reports.results import Panel
from goldpan.reports.spec import Table
from goldpan.reports.table_cell import TableCell
from goldpan.runs.record import Record

BEST = (
    "bold: the best mean of its place, and every mean that the seeds do not tell from it (paired "
    f"t-test at {100 * LEVEL:g} %, after Holm); dense networks do not count"
)
"""What bold means."""

USUAL_TEST = 10_000
"""Images of a test set, where a record does not say how many."""


def by_seed(cell: TableCell | None) -> dict[int, float]:
    """The accuracies (%) of a cell by seed."""
    pairs = zip(cell.records, cell.accuracies, strict=True) if cell else ()
    return {record.identity.seed: accuracy for record, accuracy in pairs}


def differences(first: Mapping[int, float], second: Mapping[int, float]) -> list[float]:
    """The first less the second, of each seed that both have."""
    return [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]


def one_image(records: Sequence[Record]) -> float:
    """What one test image is worth, in points: that of the smallest test set, if one is known."""
    counts = (record.origin.data.get("test") for record in records)
    return 100 / min((count for count in counts if isinstance(count, int)), default=USUAL_TEST)


def best_cells(panel: Panel, table: Table) -> set[tuple[str, str]]:
    """The row and column of each cell that is best at its place, or not told from the best.

    A place is one value of the axis along the methods, such as a sparsity; one with a single
    method has no best. Without two seeds of both, nothing tells a method from the best.
    """
    places: dict[str, dict[tuple[str, str], TableCell]] = {}
    levels = panel.levels(table)
    for at, cell in panel.cells.items():
        if cell.ours and cell.axes[table.across] not in levels:
            places.setdefault(cell.axes[table.along], {})[at] = cell
    return {at for cells in places.values() if len(cells) > 1 for at in _best(cells)}


def _best(cells: Mapping[tuple[str, str], TableCell]) -> list[tuple[str, str]]:
    """Those of one place: the highest mean, and what does not differ from it."""
    top, *others = sorted(cells, key=lambda at: fmean(cells[at].accuracies), reverse=True)
    p = [_p_equal(cells[top], cells[at]) for at in others]
    sure = holm(p)
    return [top, *(at for at, one in zip(others, sure, strict=True) if one > LEVEL)]


def _p_equal(best: TableCell, other: TableCell) -> float:
    """The p-value that two methods are equal, by the seeds of both; NaN for less than two."""
    found = differences(by_seed(best), by_seed(other))
    if len(found) < 2:
        return nan
    return paired(found, one_image([*best.records, *other.records]))[3]
