"""The report of a table, or of a folder: our runs, what was published, and where both are from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from goldpan.choices import read_word
from goldpan.reports.channel_table import channel_table
from goldpan.reports.claims import claims_table, judge_claims
from goldpan.reports.early_stopping import draw_early_stopping
from goldpan.reports.family import Family, conclude, sentence
from goldpan.reports.plots import draw_curves
from goldpan.reports.recorded import own_commit
from goldpan.reports.results import Results, results_below, results_of_plan
from goldpan.reports.sources import distinct, evidence, images, whole_networks
from goldpan.reports.spec import METRICS, Table, read_table
from goldpan.reports.text import DITTO, plain, to_csv, to_latex, to_markdown
from goldpan.reports.trust import doubts, doubts_of_then, unknown
from goldpan.runs.fingerprint import code_fingerprint
from goldpan.runs.identity import NOT_DECISIVE, NOT_DECISIVE_OF_DATA
from goldpan.sweeps.cells import Plan


@dataclass(frozen=True)
class Report:
    """A table with its results by one metric, and what was changed of it on the command line.

    `today` has the fingerprint that each run would have now, by its id.
    """

    table: Table
    results: Results
    metric: str
    changed: Sequence[str]
    folder: Path
    today: Mapping[str, str] = field(default_factory=dict)

    @property
    def caption(self) -> str:
        """What the numbers are."""
        return f"{METRICS[self.metric]}, mean ± std over seeds"

    @cached_property
    def family(self) -> Family | None:
        """The verdict on the table; None where no cell is judged."""
        said = [cell.judgement for cell in self.results.cells if cell.judgement]
        return conclude(said) if said else None

    @cached_property
    def verdict(self) -> str:
        """The verdict in a sentence; empty where no cell is judged."""
        pairs = [pair for cell in self.results.cells if (pair := cell.pair)]
        return sentence(self.family, pairs, self.table.margin) if self.family else ""

    @property
    def latex_caption(self) -> str:
        """The caption of a printed table: what a reader needs who has no other line of it."""
        text = f"{self.table.paper}; {self.caption}."
        if not self.family:
            return text
        return f"{text} In brackets 90 % intervals; margin {self.table.margin:g}; {self.verdict}."

    @property
    def lines(self) -> list[str]:
        """What the marks mean, where the numbers are from, and what does not count."""
        return [*_legend(self), *_sources(self), *self.results.sentences]

    @property
    def notes(self) -> list[str]:
        """The lines below a printed table: all but the verdict, which its caption has."""
        return [line for line in self.lines if line != self.verdict]

    def text(self, pictures: Iterable[Path]) -> str:
        """The whole report as Markdown."""
        parts = [f"# {plain(self.table.name)}", plain(self.table.paper), self.caption]
        for panel in self.results.panels:
            parts += [f"## {plain(panel.title)}"] if panel.title else []
            parts.append(to_markdown(panel, self.table))
            if channels := channel_table(panel, self.table):
                parts += ["after removing channels, last epoch", channels]
        if claims := claims_table(judge_claims(self.table.claims, self.results.all_cells)):
            parts.append(claims)
        lines = [*self.lines, *(f"figure: {path}" for path in pictures)]
        parts += map(plain, lines)
        return "\n\n".join(parts) + "\n"

    def write(self) -> dict[str, str]:
        """Write the report in every form, and the curves, into its folder; the text of each."""
        self.folder.mkdir(parents=True, exist_ok=True)
        pictures = []
        for index, panel in enumerate(self.results.panels):
            name = f"curves-{index + 1}.png" if index else "curves.png"
            if path := draw_curves(panel, self.table, self.folder / name):
                pictures.append(path)
            of_levels = any(r.level for cell in panel.cells.values() for r in cell.records)
            name = name.replace("curves", "early_stopping")
            if of_levels and (path := draw_early_stopping(panel, self.table, self.folder / name)):
                pictures.append(path)
        texts = {
            "markdown": self.text(pictures),
            "latex": to_latex(self.results, self.table, self.latex_caption, self.notes),
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
    today = {cell.draft.identity.id: cell.draft.origin.fingerprint for cell in plan.cells}
    return Report(table, results_of_plan(plan, table, metric), metric, changes(plan), folder, today)


def report_of_folder(folder: Path, metric: str = "last") -> Report:
    """The report of every run below a folder, by a metric.

    Raises:
        FileNotFoundError: if there is no record.
    """
    results = results_below(folder, metric)
    name = folder.resolve().name
    table = Table(name, f"every run below {folder}", metric, rows="method", columns="sparsity")
    today = {r.identity.id: code_fingerprint(r.identity.choices) for r in results.records}
    return Report(table, results, metric, [], folder, today)


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


EXIT_CODES = {"reproduced": 0, "undecided": 3, "not reproduced": 4}
CANNOT_JUDGE = 2
"""Exit codes of verify=true."""


def verify(report: Report, by: str = "true") -> tuple[int, list[str]]:
    """The exit code of a table's verdict, and sentences on it or on what cannot be judged.

    Runs of other code than today's are judged only `by` "recorded": where the code of their own
    commit bears them out.
    """
    if report.metric != report.table.metric:
        asked = f"published is {report.table.metric}, and ours is {report.metric}"
        return CANNOT_JUDGE, [f"cannot verify: {asked}"]
    if report.changed:
        words = " ".join(report.changed)
        return CANNOT_JUDGE, [f"cannot verify: {words} is not the table's own setting"]
    judged = [c for c in report.results.cells if c.published and c.published.verify]
    runs = [run for cell in judged for run in cell.records]
    if reasons := doubts_of_then(runs) if by == "recorded" else doubts(runs, report.today):
        return CANNOT_JUDGE, [f"cannot verify: {reason}" for reason in reasons]
    if missing := [cell for cell in judged if not cell.complete]:
        return CANNOT_JUDGE, [f"cannot verify {cell.where}: {cell}" for cell in missing]
    if report.family is None:
        none = f"table {report.table.name} has no published number to judge by"
        return CANNOT_JUDGE, [f"cannot verify: {none}"]
    differ = [cell for cell in judged if cell.judgement and cell.judgement.answer == "differs"]
    lines = [
        f"differs {cell.where}: {cell}, published {cell.published}, difference "
        f"{cell.difference:+.2f} {cell.judgement}"
        for cell in differ
    ]
    if by == "recorded":
        lines.append(f"by the code of their commits: {', '.join(distinct(map(own_commit, runs)))}")
    return EXIT_CODES[report.family.answer], [*lines, report.verdict]


def _legend(report: Report) -> list[str]:
    """What the marks in the tables mean, and what the table's verdict is."""
    cells, table = report.results.cells, report.table
    lines = []
    if report.family:
        lines.append(
            "difference: ours less published, in points, with its 90 % interval (Welch). agrees: "
            f"the interval lies within the margin of {table.margin:g} ({table.margin_reason}). "
            "≠ differs: significant at 5 % after Holm's correction over all judged cells. "
            "undecided: neither; (+n seeds) would decide it in 4 cases of 5"
        )
        lines.append(report.verdict)
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
    lines += [*doubts(records, report.today), *unknown(records)]
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
