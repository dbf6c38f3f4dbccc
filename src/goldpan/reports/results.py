"""What the runs of a table came to: its cells, each with our runs beside the published number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import mean

from goldpan.reports.bands import Sample, band, sample
from goldpan.reports.spec import Published, Table
from goldpan.runs.record import Record


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

    @cached_property
    def ours(self) -> Sample | None:
        """Mean, deviation and number of our runs; None if none counts."""
        return sample(self.accuracies) if self.accuracies else None

    @property
    def collapsed(self) -> int:
        """How many of the runs that count were left without a path from input to output."""
        return sum(record.status == "collapsed" for record in self.records)

    @property
    def flops(self) -> float | None:
        """FLOPs kept (%), the mean over the runs that count; None if none says them."""
        kept = [flops for record in self.records if (flops := flops_kept(record)) is not None]
        return mean(kept) if kept else None

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
        counts = [f"n={self.ours.n}" + ("" if self.complete else f" of {len(self.folders)}")]
        counts += [f"{self.failed} failed"] if self.failed else []
        counts += [f"{self.collapsed} collapsed"] if self.collapsed else []
        return f"{self.ours} ({', '.join(counts)})"


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

    def repeats(self, name: str) -> bool:
        """Whether the row is the same runs in every column, as a dense network's is."""
        return _same_runs(self.row(name))

    def curves(self, table: Table) -> dict[str, list[Tally]]:
        """The cells of each curve, by its value of the axis `table.across`."""
        curves: dict[str, list[Tally]] = {}
        for tally in self.tallies.values():
            curves.setdefault(tally.axes[table.across], []).append(tally)
        return curves

    def levels(self, table: Table) -> set[str]:
        """The curves without a slope: of the same runs at every place, or of dense networks."""
        curves = self.curves(table).items()
        return {name for name, cells in curves if _same_runs(cells) or _dense(cells)}


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


def flops_kept(record: Record) -> float | None:
    """FLOPs that a run keeps (%), if it says."""
    return 100 * int(record.flops["sparse"]) / int(record.flops["dense"]) if record.flops else None


def _same_runs(cells: Sequence[Tally]) -> bool:
    """Whether these are several cells, and the same runs in all of them."""
    return len(cells) > 1 and len({tally.folders for tally in cells}) == 1


def _dense(cells: Sequence[Tally]) -> bool:
    """Whether the runs are of dense networks, to be compared at other sparsities than theirs."""
    asked = {record.sparsity.asked for t in cells for record in t.records if record.sparsity}
    return asked == {0.0} and all(float(tally.axes.get("sparsity", 0)) > 0 for tally in cells)
