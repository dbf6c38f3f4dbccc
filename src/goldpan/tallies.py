"""What the runs of a table came to: its cells, each with our runs beside the published number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from goldpan.bands import Sample, band, sample
from goldpan.record import RECORD, Accuracy, Record, read_record
from goldpan.tables import Published, Table

if TYPE_CHECKING:
    from goldpan.sweeps.cells import Cell, Plan


@dataclass(frozen=True)
class Tally:
    """A cell of a table: the runs of all seeds at one place on its axes.

    `records` are the runs that count, with their `accuracies` (%); `folders` where all that were
    asked for are or will be, `failed` how many of them ended in an error.
    """

    axes: Mapping[str, str]
    folders: frozenset[Path]
    records: Sequence[Record] = ()
    accuracies: Sequence[float] = ()
    failed: int = 0
    published: Published | None = None

    @property
    def ours(self) -> Sample | None:
        """Mean, deviation and number of our runs; None if none counts."""
        return sample(self.accuracies) if self.accuracies else None

    @property
    def collapsed(self) -> int:
        """How many of the runs that count were left without a path from input to output."""
        return sum(record.status == "collapsed" for record in self.records)

    @property
    def complete(self) -> bool:
        """Whether every run that was asked for counts."""
        return len(self.accuracies) == len(self.folders)

    @property
    def difference(self) -> float | None:
        """Our mean less the published, in points."""
        if self.ours is None or self.published is None:
            return None
        return self.ours.mean - self.published.mean

    @property
    def band(self) -> float | None:
        """The difference that chance explains; None where nothing is compared or judged."""
        number = self.published
        if self.ours is None or number is None or not number.verify:
            return None
        return band(self.ours, Sample(number.mean, number.std, number.n))

    @property
    def outside(self) -> bool:
        """Whether the difference is larger than its band."""
        difference, allowed = self.difference, self.band
        return difference is not None and allowed is not None and abs(difference) > allowed

    def __str__(self) -> str:
        """Mean ± std (n), and what is missing, failed or collapsed."""
        if self.ours is None:
            rest = len(self.folders) - self.failed
            partly = f"{self.failed} failed, {rest} missing"
            return "missing" if not self.failed else partly if rest else "failed"
        text = f"{self.ours.mean:.2f}"
        text += f" ± {self.ours.std:.2f}" if self.ours.std is not None else ""
        counts = [f"n={self.ours.n}" + ("" if self.complete else f" of {len(self.folders)}")]
        counts += [f"{self.failed} failed"] if self.failed else []
        counts += [f"{self.collapsed} collapsed"] if self.collapsed else []
        return f"{text} ({', '.join(counts)})"


@dataclass(frozen=True)
class Panel:
    """One table of rows and columns; `at` holds the values of the axes beside those two."""

    at: Mapping[str, str]
    rows: Sequence[str]
    columns: Sequence[str]
    tallies: Mapping[tuple[str, str], Tally]

    @property
    def title(self) -> str:
        """The values that tell it from the other panels; empty for the only one."""
        return ", ".join(f"{name}={value}" for name, value in self.at.items())

    def row(self, name: str) -> list[Tally]:
        """The cells of a row, from left to right."""
        return [self.tallies[name, column] for column in self.columns]

    def level(self, name: str) -> bool:
        """Whether the row is the same runs in every column, as a dense network's is."""
        return len(self.columns) > 1 and len({tally.folders for tally in self.row(name)}) == 1


@dataclass(frozen=True)
class Results:
    """All panels of a table, the records that count, and a sentence on each that does not."""

    panels: Sequence[Panel]
    sentences: Sequence[str] = field(default_factory=list)

    @property
    def tallies(self) -> list[Tally]:
        """Every cell once; a row that is the same runs in every column is one cell."""
        return list({tally.folders: tally for tally in reversed(self._all())}.values())[::-1]

    @property
    def records(self) -> list[Record]:
        """The runs that count, each once."""
        found = {record.id: record for tally in self.tallies for record in tally.records}
        return list(found.values())

    def _all(self) -> list[Tally]:
        return [tally for panel in self.panels for tally in panel.tallies.values()]


def count(plan: "Plan", table: Table, metric: str) -> Results:
    """Read the records of a plan's cells, and put them where the table has them."""
    rows, columns = plan.axes[table.rows], plan.axes[table.columns]
    two = (table.rows, table.columns, "seed")
    others = {name: values for name, values in plan.axes.items() if name not in two}
    reader, panels = _Reader(metric), []
    for values in product(*others.values()):
        at = dict(zip(others, values, strict=True))
        tallies = {}
        for row, column in product(rows, columns):
            axes = {**at, table.rows: row, table.columns: column}
            cells = [cell for cell in plan.cells if axes.items() <= cell.axes.items()]
            tallies[row, column] = reader.tally(axes, cells, table.at(axes))
        shown = {name: value for name, value in at.items() if len(others[name]) > 1}
        panels.append(Panel(shown, list(rows), list(columns), tallies))
    return Results(panels, list(reader.sentences.values()))


class _Reader:
    """Reads each record once; `sentences` says of each that does not count why, by its folder."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.sentences: dict[Path, str] = {}

    def tally(
        self, axes: Mapping[str, str], cells: "Sequence[Cell]", published: Published | None
    ) -> Tally:
        """The cell of a table whose runs are these cells of the sweep, one a seed."""
        read = {cell.folder: self._read(cell) for cell in cells}
        found = [record for record in read.values() if record is not None]
        counted = [record for record in found if record.done]
        accuracies: list[Accuracy] = [getattr(record, self.metric) for record in counted]
        values = [accuracy.test for accuracy in accuracies]
        failed = len(found) - len(counted)
        return Tally(axes, frozenset(read), counted, values, failed, published)

    def _read(self, cell: "Cell") -> Record | None:
        """The record of a run that counts or failed; None if it is missing or does not count."""
        path = cell.folder / RECORD
        if not path.exists():
            return None
        try:
            record = read_record(path)
        except ValueError as error:
            self.sentences[cell.folder] = f"not counted: {error}"
            return None
        if record.id != cell.draft.id:
            other = f"{path} is the record of another run, {record.id} instead of {cell.draft.id}"
            self.sentences[cell.folder] = f"not counted: {other}"
            return None
        if not record.done:
            self.sentences[cell.folder] = f"failed: {path}: {record.error}"
        elif getattr(record, self.metric) is None:
            self.sentences[cell.folder] = f"not counted: {path} has no accuracy {self.metric}"
            return None
        return record
