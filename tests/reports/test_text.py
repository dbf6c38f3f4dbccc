"""Panels as Markdown, LaTeX and CSV."""

import csv
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from goldpan.reports.results import Results, results_of_plan
from goldpan.reports.spec import Table
from goldpan.reports.text import escape, plain, shown, to_csv, to_latex, to_markdown
from goldpan.runs.record import Identity, Record
from goldpan.sweeps.cells import Cell, Plan


def test_the_table_has_ours_published_and_their_difference(made_up: Any) -> None:
    made_up.finish()
    assert to_markdown(made_up.results.panels[0], made_up.table) == (
        "| method |            | 90 %                        | 99 %        |\n"
        "| ------ | ---------- | --------------------------- | ----------- |\n"
        "| dense  | ours       | 94.20 ± 0.14 (n=2)          | ″           |\n"
        "|        | published  | 94.00 †                     | ″           |\n"
        "|        | difference | +0.20                       | ″           |\n"
        "| snip   | ours       | 93.00 ± 0.14 (n=2)          | missing     |\n"
        "|        | published  | 93.00 ± 0.20 (n=3)          | 90.00 (n=1) |\n"
        "|        | difference | +0.00 [-0.37, +0.37] agrees |             |"
    )


def test_csv_has_a_line_a_cell_with_every_number(made_up: Any) -> None:
    made_up.finish()
    text = to_csv(made_up.results, made_up.table, "last")
    rows = {(row["method"], row["sparsity"]): row for row in csv.DictReader(StringIO(text))}
    assert rows["snip", "0.9"]["mean"] == "93"
    assert rows["snip", "0.9"]["verdict"] == "agrees"
    assert rows["snip", "0.9"]["margin"] == "1"
    assert float(rows["snip", "0.9"]["low"]) == -float(rows["snip", "0.9"]["high"])
    assert rows["snip", "0.99"]["n"] == "0"
    assert rows["snip", "0.99"]["source"] == "a table"


def test_csv_without_a_cell_is_its_header(made_up: Any) -> None:
    text = to_csv(Results([]), made_up.table, "last")
    assert text.startswith("method,sparsity,metric,mean,")
    assert text.count("\n") == 1


def test_latex_has_a_row_a_line_and_prints_every_sign(made_up: Any) -> None:
    made_up.finish()
    latex = to_latex(made_up.results, made_up.table, "a paper & its table.")
    assert r"\caption{a paper \& its table.}" in latex
    assert latex.count(r" \\") == 7
    assert escape("rni_resnet56 ± 5 % & ≠ \\") == (
        r"rni\_resnet56 $\pm$ 5 \% \& $\neq$ \textbackslash{}"
    )


def test_latex_prints_the_best_in_bold_and_its_notes_below_the_last_table(
    plan_table: Callable[..., Any],
) -> None:
    made_up = plan_table(methods=("dense", "snip", "random"))
    made_up.finish()
    made_up.write({"random-0.9-0": 60.0, "random-0.9-1": 60.3})
    results = made_up.results
    both = replace(results, panels=[*results.panels, replace(results.panels[0], title="again")])
    first, last = to_latex(both, made_up.table, "a paper.", ["≠ a & b"]).split(r"\end{table*}")[:2]
    assert r"ours & 94.20 $\pm$ 0.14 (n=2)" in first  # dense
    assert r"ours & \textbf{93.00 $\pm$ 0.14 (n=2)} & missing" in first
    assert r"ours & 60.15 $\pm$ 0.21 (n=2)" in first
    assert first.count("bold: ") == last.count("bold: ") == 1
    assert r"$\neq$ a \& b\par" in last
    assert r"$\neq$ a" not in first


def unfinished(folder: Path, *methods: str) -> Results:
    """A table of methods that nobody has run."""
    axes = {"method": methods, "sparsity": ["-1", "0.9"], "seed": ["0"]}
    cells = []
    for method, sparsity in product(methods, axes["sparsity"]):
        name = f"{methods.index(method)}-{sparsity}"
        draft = Record(Identity(name, "digits", method, 0, {}, "2026"), "failed")
        at = {"method": method, "sparsity": sparsity, "seed": "0"}
        cells.append(Cell((), at, {"output": str(folder)}, draft, folder / name))
    return results_of_plan(Plan(None, axes, cells), TABLE, "last")


TABLE = Table("demo", "a paper", "last", rows="method", columns="sparsity")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_holds_no_formula(tmp_path: Path, begin: str) -> None:
    method = f'{begin}HYPERLINK("http://evil")'
    text = to_csv(unfinished(tmp_path, method, "snip"), TABLE, "last")
    rows = [*csv.DictReader(StringIO(text, newline=""))]
    assert {row["method"] for row in rows} == {f"'{method}", "snip"}


def test_csv_keeps_numbers_as_they_are(tmp_path: Path) -> None:
    text = to_csv(unfinished(tmp_path, "snip", "-inf", "+1e-3"), TABLE, "last")
    rows = [*csv.DictReader(StringIO(text))]
    assert [row["sparsity"] for row in rows[:2]] == ["-1", "0.9"]
    assert {row["method"] for row in rows} == {"snip", "-inf", "+1e-3"}


def test_markdown_shows_a_name_as_it_is_typed(tmp_path: Path) -> None:
    method = "<script>`a`|b"
    panel = unfinished(tmp_path, method).panels[0]
    *_, row = to_markdown(panel, TABLE).splitlines()
    assert row.split(" | ")[0] == r"| \<script>\`a\`\|b"
    assert plain("a\n| b |") == r"a \| b \|"


def test_a_yes_or_no_is_shown_with_the_name_of_its_axis() -> None:
    assert shown("controls.shuffle", "True") == "controls.shuffle=true"
    assert shown("sparsity", "0.9") == "90 %"
    assert shown("method", "snip") == "snip"
