"""The runs of a table, counted: their records, and a sentence on each that does not count."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

from goldpan.reports.results import Panel, Results, Tally
from goldpan.reports.spec import Published, Table
from goldpan.runs.record import RECORD, Accuracy, Record
from goldpan.sweeps.cells import Cell, Plan


def count(plan: Plan, table: Table, metric: str) -> Results:
    """Read the records of a plan's cells, and put them where the table has them."""
    rows, columns = plan.axes[table.rows], plan.axes[table.columns]
    two = (table.rows, table.columns, "seed")
    others = {name: values for name, values in plan.axes.items() if name not in two}
    names = (*others, table.rows, table.columns)
    cells: dict[tuple[str, ...], list[Cell]] = {}
    for cell in plan.cells:
        cells.setdefault(tuple(cell.axes[name] for name in names), []).append(cell)
    reader, panels = _Reader(metric), []
    for values in product(*others.values()):
        tallies = {}
        for row, column in product(rows, columns):
            place = (*values, row, column)
            axes = dict(zip(names, place, strict=True))
            tallies[row, column] = reader.tally(axes, cells.get(place, ()), table.at(axes))
        at = dict(zip(others, values, strict=True))
        shown = {name: value for name, value in at.items() if len(others[name]) > 1}
        panels.append(Panel(shown, list(rows), list(columns), tallies))
    return Results(panels, list(reader.sentences.values()))


class _Reader:
    """Reads records; `sentences` says of each that does not count why, by its folder."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.sentences: dict[Path, str] = {}

    def tally(
        self, axes: Mapping[str, str], cells: Sequence[Cell], published: Published | None
    ) -> Tally:
        """The cell of a table whose runs are these cells of the sweep, one a seed."""
        read = {cell.folder: self._read(cell) for cell in cells}
        found = [record for record in read.values() if record is not None]
        counted = [record for record in found if record.done]
        accuracies: list[Accuracy] = [getattr(record, self.metric) for record in counted]
        values = [accuracy.test for accuracy in accuracies]
        failed = len(found) - len(counted)
        return Tally(axes, frozenset(read), counted, values, failed, published)

    def _read(self, cell: Cell) -> Record | None:
        """The record of a run that counts or failed; None if it is missing or does not count."""
        path = cell.folder / RECORD
        try:
            record = cell.record()
        except ValueError as error:
            self.sentences[cell.folder] = f"not counted: {error}"
            return None
        if record is None:
            return None
        if not record.done:
            self.sentences[cell.folder] = f"failed: {path}: {record.error}"
        elif getattr(record, self.metric) is None:
            self.sentences[cell.folder] = f"not counted: {path} has no accuracy {self.metric}"
            return None
        return record
