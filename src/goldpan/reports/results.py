"""What runs came to, as panels of cells: the runs that a table asks for, or those below a folder.

`results_of_plan` and `results_below` make the same Results, and so both print and draw alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, product
from pathlib import Path

from goldpan.reports.reading import Runs, read_below, read_planned, sparsity_asked
from goldpan.reports.spec import Published, Table
from goldpan.reports.table_cell import TableCell
from goldpan.reports.verdict import judge
from goldpan.runs.record import Record
from goldpan.sweeps.cells import Cell, Plan

Place = tuple[str, str, str]
"""The title of a panel, a row and a column."""


@dataclass(frozen=True)
class Panel:
    """A grid of cells by row and column; its title is empty if there is no other panel."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Mapping[tuple[str, str], TableCell]

    def row(self, name: str) -> list[TableCell]:
        """The cells of a row, from left to right."""
        return [self.cells[name, column] for column in self.columns]

    def repeats(self, name: str) -> bool:
        """Whether the row is the same runs in every column, as a dense network's is."""
        return _same_runs(self.row(name))

    def lines(self, table: Table) -> dict[str, list[TableCell]]:
        """The cells of each line of a plot, by its value of the axis `table.across`."""
        lines: dict[str, list[TableCell]] = {}
        for cell in self.cells.values():
            lines.setdefault(cell.axes[table.across], []).append(cell)
        return lines

    def levels(self, table: Table) -> set[str]:
        """The lines without a slope: of the same runs at every place, or of dense networks."""
        lines = self.lines(table).items()
        return {name for name, cells in lines if _same_runs(cells) or _dense(cells)}


@dataclass(frozen=True)
class Results:
    """All panels, and a sentence on each run that does not count."""

    panels: Sequence[Panel]
    sentences: Sequence[str] = field(default_factory=list)

    @property
    def cells(self) -> list[TableCell]:
        """Every cell with runs, once; a row of the same runs in every column is one cell."""
        cells = [cell for panel in self.panels for cell in panel.cells.values() if cell.folders]
        return list({cell.folders: cell for cell in reversed(cells)}.values())[::-1]

    @property
    def all_cells(self) -> list[TableCell]:
        """Every cell, at each of its places."""
        return [cell for panel in self.panels for cell in panel.cells.values()]

    @property
    def records(self) -> list[Record]:
        """The runs that count, each once."""
        records = (record for cell in self.cells for record in cell.records)
        return list({record.identity.id: record for record in records}.values())


def results_of_plan(plan: Plan, table: Table, metric: str) -> Results:
    """Fill a table with the runs that it asks for, beside the published numbers.

    Two axes give the rows and the columns. Each combination of the other axes is one panel. Runs
    that differ in their seed alone share a table cell.
    """
    panel_axes = [name for name in plan.axes if name not in (table.rows, table.columns, "seed")]
    title_axes = [name for name in panel_axes if len(plan.axes[name]) > 1]
    place_axes = [*panel_axes, table.rows, table.columns]
    places = list(product(*(plan.axes[name] for name in place_axes)))
    planned: dict[tuple[str, ...], list[Cell]] = {place: [] for place in places}
    for cell in plan.cells:
        planned[tuple(cell.axes[name] for name in place_axes)].append(cell)
    found = read_planned(chain.from_iterable(planned.values()), metric)
    table_cells = dict[Place, TableCell]()
    for place, cells in planned.items():
        axes = dict(zip(place_axes, place, strict=True))
        title = ", ".join(f"{name}={axes[name]}" for name in title_axes)
        filled = _cell(axes, [cell.folder for cell in cells], found, metric, table.at(axes))
        table_cells[title, axes[table.rows], axes[table.columns]] = filled
    return Results(_panels(_judged(table_cells, table.margin)), found.sentences)


def results_below(folder: Path, metric: str) -> Results:
    """Arrange the records found below a folder: one panel for each setting.

    Rows are methods, columns are sparsities. A method that was run at sparsity 0 alone is a dense
    network, and its runs stand in every column.

    Raises:
        FileNotFoundError: if there is no record.
    """
    found = read_below(folder, metric)
    table_cells = dict[Place, TableCell]()
    for setting in dict.fromkeys(one.identity.setting for one in found.records.values()):
        records = {at: one for at, one in found.records.items() if one.identity.setting == setting}
        method_of = {at: record.identity.method for at, record in records.items()}
        sparsity_of = {at: str(sparsity_asked(record)) for at, record in records.items()}
        pruning = {method_of[at] for at, record in records.items() if sparsity_asked(record)}
        # The columns are the sparsities of the methods that prune; without any, 0 is the only one.
        columns = {sparsity_of[at] for at in records if method_of[at] in pruning} or {"0.0"}
        methods = dict.fromkeys(method_of.values())
        for method, column in product(methods, sorted(columns, key=float)):
            folders = [at for at in records if method_of[at] == method]
            if method in pruning:
                folders = [at for at in folders if sparsity_of[at] == column]
            axes = {"setting": setting, "method": method, "sparsity": column}
            table_cells[setting, method, column] = _cell(axes, folders, found, metric)
    return Results(_panels(table_cells), found.sentences)


def _cell(
    axes: Mapping[str, str],
    folders: Sequence[Path],
    found: Runs,
    metric: str,
    published: Published | None = None,
) -> TableCell:
    """The cell of the runs in these folders: those that are done count, others failed."""
    records = [found.records[folder] for folder in folders if folder in found.records]
    done = [record for record in records if record.done]
    accuracies = [one.test for record in done if (one := record.accuracy(metric))]
    failed = len(records) - len(done)
    return TableCell(axes, frozenset(folders), done, accuracies, failed, published)


def _judged(cells: Mapping[Place, TableCell], margin: float) -> dict[Place, TableCell]:
    """The cells with what they say of the published numbers; the same runs are judged once."""
    pairs = {cell.folders: pair for cell in cells.values() if (pair := cell.pair)}
    found = dict(zip(pairs, judge([*pairs.values()], margin), strict=True)) if pairs else {}
    return {
        at: replace(cell, judgement=found[cell.folders]) if cell.pair else cell
        for at, cell in cells.items()
    }


def _panels(cells: Mapping[Place, TableCell]) -> list[Panel]:
    """Panels of the cells by title, row and column, in the order in which they come."""
    panels = []
    for title in dict.fromkeys(title for title, _, _ in cells):
        own = {(row, column): cell for (at, row, column), cell in cells.items() if at == title}
        rows, columns = (list(dict.fromkeys(names)) for names in zip(*own, strict=True))
        panels.append(Panel(title, rows, columns, own))
    return panels


def _same_runs(cells: Sequence[TableCell]) -> bool:
    """Whether these are several cells, and the same runs in all of them."""
    return len(cells) > 1 and len({cell.folders for cell in cells}) == 1


def _dense(cells: Sequence[TableCell]) -> bool:
    """Whether the runs are of dense networks, to be compared at other sparsities than theirs."""
    asked = {record.sparsity.asked for c in cells for record in c.records if record.sparsity}
    return asked == {0.0} and all(float(cell.axes.get("sparsity", 0)) > 0 for cell in cells)
