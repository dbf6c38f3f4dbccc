"""Tables as text: Markdown to read, LaTeX to print, CSV to compute with."""

import csv
from collections.abc import Callable, Collection, Sequence
from io import StringIO

from goldpan.reports.pairs import BEST, best_cells
from goldpan.reports.results import Panel, Results
from goldpan.reports.spec import Table
from goldpan.reports.table_cell import TableCell

WIDTH = 6
"""Columns side by side; a table of more goes on below, under a header of its own."""

DITTO = "″"
LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": "$<$",
    ">": "$>$",
    "±": r"$\pm$",
    "≠": r"$\neq$",
    "†": r"$\dagger$",
    DITTO: "$''$",
}
"""What LaTeX would take for a command, and what its fonts lack."""

MARKUP = str.maketrans({sign: f"\\{sign}" for sign in "\\<|`"})
"""What Markdown would take for HTML, for the edge of a table's cell, or for code."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a formula begins with in a spreadsheet, or what it skips before one."""

COLUMNS = (
    *("metric", "mean", "std", "n", "asked", "collapsed", "failed"),
    *("published", "published_std", "published_standard_error", "published_n"),
    *("difference", "low", "high"),
    *("margin", "p_equal", "p_beyond", "verdict", "more_seeds", "source"),
)


def plain(text: str) -> str:
    """The text as Markdown shows it, on one line: a name may hold <, | or a backtick."""
    return " ".join(text.split("\n")).translate(MARKUP)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of plain texts, its columns aligned, three hyphens wide at least."""
    header, rows = [plain(text) for text in header], [[plain(text) for text in r] for r in rows]
    widths = [max(3, *(len(row[i]) for row in [header, *rows])) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    padded = [[text.ljust(width) for text, width in zip(row, widths, strict=True)] for row in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def to_markdown(panel: Panel, table: Table) -> str:
    """A panel as Markdown tables with aligned columns."""
    return "\n\n".join(markdown(*block) for block in _blocks(panel, table))


class Bold(str):
    """A text that LaTeX prints in bold."""


def to_latex(results: Results, table: Table, caption: str, notes: Sequence[str] = ()) -> str:
    """All panels as one LaTeX table each; they need the package booktabs.

    What is best at its place is in bold, and the notes stand below the last table.
    """
    texts = []
    for panel in results.panels:
        best = best_cells(panel, table)
        last = panel is results.panels[-1]
        below = [*([BEST] if best else []), *(notes if last else ())]
        texts.append(_latex(panel, table, caption, best, below))
    return "\n".join(texts)


def to_csv(results: Results, table: Table, metric: str) -> str:
    """A line a cell, with every number to six digits; empty where there is none.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    axes = results.cells[0].axes if results.cells else (table.rows, table.columns)
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*map(_plain, axes), *COLUMNS])
    for cell in results.cells:
        values = [*cell.axes.values(), metric, *_values(cell, table)]
        writer.writerow([_plain(value) for value in values])
    return text.getvalue()


def shown(axis: str, value: str) -> str:
    """A value of an axis for a reader: sparsities in percent, yes and no with the axis's name."""
    if axis == "sparsity":
        return f"{100 * float(value):.6g} %"
    return f"{axis}={value.lower()}" if value in ("True", "False") else value


def _values(cell: TableCell, table: Table) -> list[object]:
    """What COLUMNS names, but for the metric."""
    ours, number, said = cell.ours, cell.published, cell.judgement
    return [
        *((ours.mean, ours.std, ours.n) if ours else (None, None, 0)),
        *(len(cell.folders), cell.collapsed, cell.failed),
        *((number.mean, number.std, number.standard_error, number.n) if number else (None,) * 4),
        *(cell.difference, *((said and said.interval) or (None, None)), said and table.margin),
        *((said.p_equal, said.p_beyond, said.answer, said.more) if said else (None,) * 4),
        (number.source or table.paper) if number else None,
    ]


def _plain(value: object) -> object:
    """A value that a spreadsheet only shows: numbers stay numbers, and no text is a formula."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and value.startswith(FORMULA) and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _blocks(
    panel: Panel, table: Table, best: Collection[tuple[str, str]] = ()
) -> list[tuple[list[str], list[list[str]]]]:
    """A header and rows for each WIDTH columns: up to three lines a row of the table."""
    return [
        (
            [table.rows, "", *(shown(table.columns, name) for name in names)],
            [line for row in panel.rows for line in _lines(panel, table, row, names, best)],
        )
        for names in (panel.columns[i : i + WIDTH] for i in range(0, len(panel.columns), WIDTH))
    ]


def _lines(
    panel: Panel,
    table: Table,
    row: str,
    columns: Sequence[str],
    best: Collection[tuple[str, str]],
) -> list[list[str]]:
    """Ours, published and difference of a row; what would be empty is left out."""
    cells = [panel.cells[row, column] for column in columns]
    bold = [panel.cells[at] for at in best if at[0] == row]
    lines: list[tuple[str, Callable[[TableCell], str]]] = [
        ("ours", lambda cell: Bold(cell) if cell in bold else str(cell)),
        ("published", lambda cell: str(cell.published or "")),
        ("difference", _difference),
    ]
    found, label = [], shown(table.rows, row)
    for name, write in lines:
        texts = [write(cell) for cell in cells]
        if any(texts):
            if panel.repeats(row):
                texts[1:] = [DITTO] * len(texts[1:])
            found.append([label, name, *texts])
            label = ""
    return found


def _difference(cell: TableCell) -> str:
    """Ours less published, and what it says: its interval and answer."""
    if cell.difference is None:
        return ""
    return f"{cell.difference:+.2f} {cell.judgement or ''}".rstrip()


def _latex(
    panel: Panel,
    table: Table,
    caption: str,
    best: Collection[tuple[str, str]],
    notes: Sequence[str],
) -> str:
    blocks = _blocks(panel, table, best)
    width = max(len(header) for header, _ in blocks)
    title = f"{caption} {panel.title}." if panel.title else caption
    body = [line for block in blocks for line in _latex_block(*block, width)]
    label = "".join(sign if sign.isalnum() else "-" for sign in f"{table.name} {panel.title}")
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            f"\\caption{{{escape(title)}}}",
            f"\\label{{tab:{label.strip('-')}}}",
            f"\\begin{{tabular}}{{ll*{{{width - 2}}}{{r}}}}",
            r"\toprule",
            *body[:-1],  # without the last rule between blocks
            r"\bottomrule",
            r"\end{tabular}",
            *_notes(notes),
            r"\end{table*}",
            "",
        ]
    )


def _notes(notes: Sequence[str]) -> list[str]:
    """The notes below a table, a paragraph each."""
    if not notes:
        return []
    paragraphs = [escape(note) + r"\par" for note in notes]
    begin = r"\par\medskip\begin{minipage}{\textwidth}\scriptsize\raggedright"
    return [begin, *paragraphs, r"\end{minipage}"]


def _latex_block(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    lines = [_latex_row(header, width), r"\midrule"]
    for index, row in enumerate(rows):
        if row[0] and index:
            lines.append(r"\addlinespace")
        lines.append(_latex_row(row, width))
    return [*lines, r"\midrule"]


def _latex_row(texts: Sequence[str], width: int) -> str:
    padded = [*texts, *[""] * (width - len(texts))]
    return " & ".join(map(_latex_text, padded)) + r" \\"


def _latex_text(text: str) -> str:
    return f"\\textbf{{{escape(text)}}}" if isinstance(text, Bold) else escape(text)


def escape(text: str) -> str:
    """The text as LaTeX prints it."""
    return "".join(LATEX.get(sign, sign) for sign in text)
