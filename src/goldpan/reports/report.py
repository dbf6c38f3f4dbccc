"""The report of a table, or of a folder: our runs, what was published, and where both are from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from goldpan.choices import read_word
from goldpan.reports.bands import LEVEL
from goldpan.reports.channel_table import channel_table
from goldpan.reports.plots import draw_curves
from goldpan.reports.results import Results, results_below, results_of_plan
from goldpan.reports.sources import distinct, evidence, images, whole_networks
from goldpan.reports.spec import METRICS, Table, read_table
from goldpan.reports.table_cell import TableCell
from goldpan.reports.text import DITTO, to_csv, to_latex, to_markdown
from goldpan.runs.identity import NOT_DECISIVE, NOT_DECISIVE_OF_DATA
from goldpan.sweeps.cells import Plan


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
        parts = [f"# {self.table.name}", self.table.paper, self.caption]
        for panel in self.results.panels:
            parts += [f"## {panel.title}"] if panel.title else []
            parts.append(to_markdown(panel, self.table))
            if channels := channel_table(panel, self.table):
                parts += ["after removing channels, last epoch", channels]
        parts += [*self.lines, *(f"figure: {path}" for path in pictures)]
        return "\n\n".join(parts) + "\n"

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


def report_of_plan(plan: Plan, metric: str | None = None) -> Report:
    """The report of a planned table, by its own metric or another."""
    table = read_table(plan)
    folder = Path(plan.cells[0].choices["output"]) / "tables" / table.name
    metric = metric or table.metric
    return Report(table, results_of_plan(plan, table, metric), metric, changes(plan), folder)


def report_of_folder(folder: Path, metric: str = "last") -> Report:
    """The report of every run below a folder, by a metric.

    Raises:
        FileNotFoundError: if there is no record.
    """
    results = results_below(folder, metric)
    name = folder.resolve().name
    table = Table(name, f"every run below {folder}", metric, rows="method", columns="sparsity")
    return Report(table, results, metric, [], folder)


def changes(plan: Plan) -> list[str]:
    """What was typed that makes these other runs than the table's own."""
    axes = plan.axes.items()
    extra = [f"{name}={','.join(values)}" for name, values in axes if name not in plan.own]
    for override in plan.cells[0].overrides:
        word = read_word(override)
        idle = word.root in (*NOT_DECISIVE, "hydra") and word.name != "strategy.precision"
        idle = idle and not word.name.startswith("table.")
        if not idle and not (word.root == "dataset" and word.leaf in NOT_DECISIVE_OF_DATA):
            extra += [override] if word.name not in plan.axes else []
    return extra


def verify(report: Report) -> list[str]:
    """A sentence for each published cell that lies outside its band, or that cannot be judged."""
    if report.metric != report.table.metric:
        asked = f"published is {report.table.metric}, and ours is {report.metric}"
        return [f"cannot verify: {asked}"]
    if report.changed:
        return [f"cannot verify: {' '.join(report.changed)} is not the table's own setting"]
    judged = [c for c in report.results.cells if c.published and c.published.verify]
    if not judged:
        return [f"cannot verify: table {report.table.name} has no published number to judge by"]
    return [sentence for cell in judged if (sentence := _verify(cell))]


def _verify(cell: TableCell) -> str:
    """What speaks against a cell that was published; empty if nothing does."""
    where = ", ".join(f"{name}={value}" for name, value in cell.axes.items())
    if not cell.complete:
        return f"cannot verify {where}: {cell}"
    if cell.verdict != "outside":
        return ""
    return (
        f"outside {where}: {cell}, published {cell.published}, difference "
        f"{cell.difference:+.2f}, band ±{cell.band:.2f}"
    )


def _legend(report: Report) -> list[str]:
    """What the marks in the tables mean, and how many cells carry them."""
    cells = report.results.cells
    judged = [cell for cell in cells if cell.verdict]
    lines = []
    if judged:
        outside = sum(cell.verdict == "outside" for cell in judged)
        lines.append(
            "difference: ours less published, in points; in brackets the band that chance explains "
            f"19 times in 20 (Welch's test). ≠: outside its band, {outside} of {len(judged)} "
            f"cells; {(1 - LEVEL) * len(judged):.2g} are expected by chance. A wide band means few "
            "runs, not agreement."
        )
    if any(cell.published and not cell.published.verify for cell in cells):
        lines.append("†: of another recipe, for orientation only")
    if any(panel.repeats(row) for panel in report.results.panels for row in panel.rows):
        lines.append(f"{DITTO}: the same runs")
    return lines


def _sources(report: Report) -> list[str]:
    """Where our numbers and the published come from, and what is not known."""
    table, records = report.table, report.results.records
    lines = [evidence(records)] if records else ["no run of this table is there yet"]
    lines += [f"data: {text}" for text in distinct(map(images, records))]
    lines += whole_networks(report.results.panels, table.rows)
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
