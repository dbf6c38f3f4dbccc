"""Records into a table and a figure: `python -m goldpan.report outputs`.

With +table=NAME it is a paper's table, beside the published numbers: goldpan.table_command.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from goldpan.bands import sample
from goldpan.channel_report import HEADER, channel_rows, tradeoff
from goldpan.record import RECORD, Accuracy, Record, read_record
from goldpan.tables import METRICS

HELP = """Records into a table and a figure. For a paper's table beside the published numbers:
+table=NAME [to=markdown|latex|csv|html|wandb] [metric=last|best|best_on_test] [verify=true]
[output=FOLDER] and any choice that the table was run with."""


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


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with its columns aligned, three hyphens wide at least."""
    widths = [max(3, *(len(row[i]) for row in [header, *rows])) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    padded = [[text.ljust(width) for text, width in zip(row, widths, strict=True)] for row in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def evidence(records: Sequence[Record]) -> str:
    """Where the numbers come from: runs, seeds, data, hardware, versions, commit."""
    counted = [record for record in records if record.done]
    seeds = sorted({record.seed for record in counted})
    facts = [f"{len(counted)} runs, seeds {', '.join(map(str, seeds))}"]
    facts += distinct(f"{r.data['train']} training images, {r.data['test']} test" for r in counted)
    facts += distinct(str(r.hardware.get("gpu", r.hardware["cpu"])) for r in counted)
    facts += distinct(f"torch {r.versions['torch']}" for r in counted)
    return "; ".join([*facts, *distinct(f"commit {record.commit}" for record in counted)])


def distinct(texts: Iterable[str]) -> list[str]:
    """Each text once, in order."""
    return list(dict.fromkeys(texts))


def report(folder: Path, metric: str) -> str:
    """Markdown of every setting found below a folder; draws accuracy.png beside it.

    Raises:
        FileNotFoundError: if there is no record.
    """
    from goldpan.figures import draw_accuracy, draw_tradeoff

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


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if any(word.lstrip("+").startswith("table=") for word in words):
        from goldpan.table_command import main as table_main

        return table_main(words)
    parser = argparse.ArgumentParser(prog="python -m goldpan.report", description=HELP)
    parser.add_argument("folder", type=Path, help="where the records lie, with all below it")
    parser.add_argument("--metric", choices=METRICS, default="last", help="default: last")
    chosen = parser.parse_args(words)
    try:
        text = report(chosen.folder, chosen.metric)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    (chosen.folder / "report.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
