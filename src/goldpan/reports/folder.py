"""The records below a folder into tables and figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from goldpan.reports.bands import sample
from goldpan.reports.channel_table import HEADER, channel_rows, tradeoff
from goldpan.reports.evidence import distinct, evidence, markdown
from goldpan.reports.spec import METRICS
from goldpan.runs.record import RECORD, Accuracy, Record, read_record


@dataclass(frozen=True)
class Cell:
    """Test accuracies (%) of the runs of one method at one sparsity, one a seed."""

    accuracies: Sequence[float]
    collapsed: int = 0

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return sample(self.accuracies).mean

    @property
    def std(self) -> float:
        """The sample standard deviation over the seeds; 0 for one."""
        return sample(self.accuracies).std or 0.0

    def __str__(self) -> str:
        counts = [f"n={len(self.accuracies)}"]
        if self.collapsed:
            counts.append(f"{self.collapsed} collapsed")
        return f"{sample(self.accuracies)} ({', '.join(counts)})"


Grid = Mapping[str, Mapping[float, Cell]]
"""Method -> sparsity asked -> its cell; methods in the order in which they were first run."""


def read_records(folder: Path) -> tuple[list[Record], list[str]]:
    """The records below a folder, oldest first, and a sentence for each that cannot be read.

    Raises:
        FileNotFoundError: if there is none.
    """
    paths = sorted(folder.rglob(RECORD))
    if not paths:
        raise FileNotFoundError(f"no {RECORD} below {folder}; `python run.py` makes one a run")
    records, broken = [], []
    for path in paths:
        try:
            records.append(read_record(path))
        except ValueError as error:
            broken.append(str(error))
    return sorted(records, key=lambda record: record.started), broken


def latest(records: Sequence[Record], metric: str) -> tuple[list[Record], list[str]]:
    """The records, of several runs with one name and seed the last; a sentence on each other."""
    last: dict[object, Record] = {_place(record, metric): record for record in records}
    last.pop(None, None)  # what does not count replaces nothing
    kept, sentences = list[Record](), list[str]()
    for record in records:
        later = last.get(_place(record, metric), record)
        if later is record:
            kept.append(record)
        else:
            sentences.append(
                f"{record.method} on {record.setting}, seed {record.seed}, run {record.id} of "
                f"{record.started}: run {later.id} of {later.started} has the same name and seed"
            )
    return kept, sentences


def grid(records: Iterable[Record], metric: str) -> Grid:
    """The cells of records of one setting; runs that failed or lack the metric are not counted."""
    runs: dict[str, dict[float, list[Record]]] = {}
    for record in records:
        if place := _place(record, metric):
            _, method, asked, _ = place
            runs.setdefault(method, {}).setdefault(asked, []).append(record)
    return {
        method: {asked: _cell(same, metric) for asked, same in sorted(cells.items())}
        for method, cells in runs.items()
    }


def _place(record: Record, metric: str) -> tuple[str, str, float, int] | None:
    """Setting, method, sparsity asked and seed of a run; None if it does not count."""
    if not record.done or getattr(record, metric) is None or record.sparsity is None:
        return None
    return record.setting, record.method, record.sparsity.asked, record.seed


def _cell(records: Sequence[Record], metric: str) -> Cell:
    accuracies: list[Accuracy] = [getattr(record, metric) for record in records]
    collapsed = sum(record.status == "collapsed" for record in records)
    return Cell([accuracy.test for accuracy in accuracies], collapsed)


def table(cells: Grid) -> str:
    """A Markdown table: a row a method, a column a sparsity, "-" where nothing was run."""
    sparsities = sorted({sparsity for row in cells.values() for sparsity in row})
    header = ["method", *(f"{100 * sparsity:.6g} %" for sparsity in sparsities)]
    rows = [[name, *(str(row.get(s, "-")) for s in sparsities)] for name, row in cells.items()]
    return markdown(header, rows)


def report(folder: Path, metric: str) -> str:
    """Markdown of every setting found below a folder; draws accuracy.png beside it.

    Raises:
        FileNotFoundError: if there is no record.
    """
    from goldpan.reports.figures import draw_accuracy, draw_tradeoff

    found, broken = read_records(folder)
    records, replaced = latest(found, metric)
    parts, grids = [], {}
    for setting in distinct(record.setting for record in records):
        same = [record for record in records if record.setting == setting]
        if cells := grid(same, metric):
            grids[setting] = cells
            caption = f"{METRICS[metric]}, mean ± std over seeds, by sparsity"
            parts.append(f"## {setting}\n\n{caption}\n\n{table(cells)}\n\n{evidence(same)}\n")
        if rows := channel_rows(same):
            parts.append(f"after removing channels, last epoch\n\n{markdown(HEADER, rows)}\n")
            path = folder / f"flops-{len(grids)}.png"
            parts.append(f"figure: {draw_tradeoff(setting, tradeoff(same), path)}\n")
    parts += [f"failed: {r.method}, seed {r.seed}: {r.error}\n" for r in records if not r.done]
    parts += [f"not counted: {sentence}\n" for sentence in [*broken, *replaced]]
    if grids:
        parts.append(f"figure: {draw_accuracy(grids, folder)}\n")
    return "\n".join(parts)
