"""A cell of a table: our runs at one place, beside the number that was published there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import mean

from goldpan.reports.samples import Sample, summarize
from goldpan.reports.spec import Published
from goldpan.reports.verdict import Judgement, Pair
from goldpan.runs.record import Record


@dataclass(frozen=True)
class TableCell:
    """A cell of a table: the runs of all seeds at one place on its axes.

    `folders` holds where the runs that were asked for are or will be, `records` those that count,
    `accuracies` (%) one of each record, and `failed` how many runs ended in an error. `judgement`
    is what they say of the published number; None where nothing is compared or judged.
    """

    axes: Mapping[str, str]
    folders: frozenset[Path]
    records: Sequence[Record] = ()
    accuracies: Sequence[float] = ()
    failed: int = 0
    published: Published | None = None
    judgement: Judgement | None = None

    @cached_property
    def ours(self) -> Sample | None:
        """Mean, deviation and number of our runs; None if none counts."""
        return summarize(self.accuracies) if self.accuracies else None

    @property
    def collapsed(self) -> int:
        """How many of the runs that count were left without a path from input to output."""
        return sum(record.status == "collapsed" for record in self.records)

    @property
    def flops(self) -> float | None:
        """FLOPs kept (%), the mean over the runs that count; None if none says them."""
        kept = [one for record in self.records if (one := record.flops_kept) is not None]
        return mean(kept) if kept else None

    @property
    def where(self) -> str:
        """Its place on the axes of the table."""
        return ", ".join(f"{name}={value}" for name, value in self.axes.items())

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
    def pair(self) -> Pair | None:
        """Ours and the published, to be judged; None where one is missing or not to be judged."""
        number = self.published
        if self.ours is None or number is None or not number.verify:
            return None
        return self.ours, number.sample

    def __str__(self) -> str:
        """Mean ± std (n), and what is missing, failed or collapsed; "-" if nothing was asked."""
        if not self.folders:
            return "-"
        if self.ours is None:
            rest = len(self.folders) - self.failed
            partly = f"{self.failed} failed, {rest} missing"
            return "missing" if not self.failed else partly if rest else "failed"
        counts = [f"n={self.ours.n}" + ("" if self.complete else f" of {len(self.folders)}")]
        counts += [f"{self.failed} failed"] if self.failed else []
        counts += [f"{self.collapsed} collapsed"] if self.collapsed else []
        return f"{self.ours} ({', '.join(counts)})"
