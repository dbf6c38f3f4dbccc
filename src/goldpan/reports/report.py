"""The report of a paper's table: our runs beside the published numbers, and where both are from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from goldpan.reports.bands import LEVEL, sample
from goldpan.reports.evidence import distinct, evidence
from goldpan.reports.plots import draw_curves
from goldpan.reports.results import Results
from goldpan.reports.spec import METRICS, Table
from goldpan.reports.text import DITTO, shown, to_csv, to_latex, to_markdown, verdict
from goldpan.runs.record import Record


@dataclass(frozen=True)
class Report:
    """A table with its results by one metric, and what was changed of it on the command line."""

    table: Table
    results: Results
    metric: str
    changed: Sequence[str]
    folder: Path

    @property
    def caption(self) -> str:
        """What the numbers are."""
        return f"{METRICS[self.metric]}, mean ± std over seeds"

    @property
    def lines(self) -> list[str]:
        """What the marks mean, where the numbers are from, and what does not count."""
        return [*_legend(self), *_sources(self), *self.results.sentences]

    def text(self, pictures: Iterable[Path]) -> str:
        """The whole report as Markdown."""
        panels = self.results.panels
        tables = [
            (f"## {panel.title}\n\n" if panel.title else "") + to_markdown(panel, self.table)
            for panel in panels
        ]
        lines = [*self.lines, *(f"figure: {path}" for path in pictures)]
        head = f"# {self.table.name}\n\n{self.table.paper}\n\n{self.caption}"
        return "\n\n".join([head, *tables, *lines]) + "\n"

    def write(self) -> dict[str, str]:
        """Write the report in every form, and the curves, into its folder; the text of each."""
        self.folder.mkdir(parents=True, exist_ok=True)
        pictures = []
        for index, panel in enumerate(self.results.panels):
            name = f"curves-{index + 1}.png" if index else "curves.png"
            if path := draw_curves(panel, self.table, self.folder / name):
                pictures.append(path)
        texts = {
            "markdown": self.text(pictures),
            "latex": to_latex(self.results, self.table, f"{self.table.paper}; {self.caption}."),
            "csv": to_csv(self.results, self.table, self.metric),
        }
        for name, suffix in (("markdown", "md"), ("latex", "tex"), ("csv", "csv")):
            (self.folder / f"report.{suffix}").write_text(texts[name])
        return texts


def _legend(report: Report) -> list[str]:
    """What the marks in the tables mean, and how many cells carry them."""
    tallies = report.results.tallies
    judged = [tally for tally in tallies if verdict(tally)]
    lines = []
    if judged:
        outside = sum(tally.outside for tally in judged)
        lines.append(
            "difference: ours less published, in points; in brackets the band that chance explains "
            f"19 times in 20 (Welch's test). ≠: outside its band, {outside} of {len(judged)} "
            f"cells; {(1 - LEVEL) * len(judged):.2g} are expected by chance. A wide band means few "
            "runs, not agreement."
        )
    if any(tally.published and not tally.published.verify for tally in tallies):
        lines.append("†: of another recipe, for orientation only")
    if any(panel.repeats(row) for panel in report.results.panels for row in panel.rows):
        lines.append(f"{DITTO}: the same runs")
    return lines


def _sources(report: Report) -> list[str]:
    """Where our numbers and the published come from, and what is not known."""
    table, records = report.table, report.results.records
    lines = [evidence(records)] if records else ["no run of this table is there yet"]
    lines += [f"data: {text}" for text in distinct(map(_data, records))]
    lines += _whole(report)
    if report.changed:
        lines.append(
            f"changed on the command line: {' '.join(report.changed)}"
            + ("; the published numbers are of the table's own setting" * bool(table.published))
        )
    if report.metric != table.metric and table.published:
        lines.append(f"the published numbers are another metric: {METRICS[table.metric]}")
    sources = distinct(number.source or table.paper for number in table.published)
    lines += [f"published: {source}" for source in sources]
    lines += [text for text in (table.notes, table.unknown and f"unknown: {table.unknown}") if text]
    return lines


def _data(record: Record) -> str:
    """The images of a run; of image files, their folder or archive too."""
    text = f"{record.data['name']}, {record.data['train']} training images"
    if record.data["name"] == "image_folder":
        source = Path(record.choices["dataset"]["root"]).name
        text += f" from the files in {source}: JPEG files are not the original images"
    return text


def _whole(report: Report) -> list[str]:
    """The whole networks of each row before their channels went, by seed, after the last epoch."""
    axis, found = report.table.rows, dict[str, dict[int, float]]()
    for tally in report.results.tallies:
        for record in tally.records:
            if record.trained is not None:
                row = found.setdefault(shown(axis, tally.axes[axis]), {})
                row[record.seed] = record.trained.test
    samples = {name: sample([*seeds.values()]) for name, seeds in found.items()}
    text = ", ".join(f"{name} {whole} (n={whole.n})" for name, whole in samples.items())
    return [f"ours before channels were removed, last epoch: {text}"] if text else []
