"""A report: what it writes, what of it can be verified, and that a folder's is a table's."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from goldpan.reports.report import changes, report_of_folder, report_of_plan, verify
from goldpan.sweeps.cells import plan

RESULTS = Path(__file__).parents[2] / "results"


def table_cells(text: str) -> dict[str, list[str]]:
    """The cells of each row of a Markdown table, by the first word of the row."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[text.strip() for text in line.strip("|").split("|")] for line in lines]
    return {row[0].split()[0]: row[1:] for row in rows if "---" not in row[0]}


def test_every_form_and_the_curves_are_written(made_up: Any, tmp_path: Path) -> None:
    made_up.finish()
    texts = report_of_plan(made_up.plan).write()
    folder = tmp_path / "tables/demo"
    assert (folder / "report.md").read_text() == texts["markdown"]
    assert (folder / "report.tex").read_text() == texts["latex"]
    assert (folder / "report.csv").read_text() == texts["csv"]
    assert (folder / "curves.png").exists()
    assert r"\caption{a paper \& its table; test accuracy (\%)" in texts["latex"]
    assert "margin 1; verdict: reproduced" in texts["latex"]
    verdict = "verdict: reproduced (1 agree"
    for line in ("4 runs, seeds 0, 1", "published: a table", "unknown: Much.", verdict):
        assert line in texts["markdown"]


def test_a_printed_table_has_the_notes_of_the_markdown(plan_table: Callable[..., Any]) -> None:
    made_up = plan_table("recipe.epochs=3")
    made_up.finish()
    texts = report_of_plan(made_up.plan).write()
    changed = "changed on the command line: recipe.epochs=3; the published numbers are of the"
    for line in (changed, "unknown: Much.", "published: a table", "†: of another recipe"):
        assert line in texts["markdown"]
        assert line.replace("†", r"$\dagger$") in texts["latex"]
    for text in (texts["markdown"], texts["latex"]):
        assert text.count("verdict: ") == 1


def test_a_long_report_says_hardware_and_versions_once(tmp_path: Path) -> None:
    name = "dynamic_vgg11_short"
    report = report_of_folder(RESULTS / name)
    texts = replace(report, folder=tmp_path).write()
    assert len(report.results.panels) * len(report.results.panels[0].columns) > 3
    for text in (texts["markdown"], texts["latex"]):
        assert text.count("AMD EPYC") == text.count("torch 2.") == 1


def test_a_folder_of_a_tables_runs_prints_the_same_table(tmp_path: Path) -> None:
    name = "panning_vgg11_short"
    folder = tmp_path / name
    shutil.copytree(RESULTS / name, folder, ignore=lambda at, names: {*names} & {"model.pt"})
    committed = table_cells((folder / "report.md").read_text())
    text = report_of_folder(folder).write()["markdown"]
    assert table_cells(text) == committed
    assert len(committed) == 9
    assert "58 runs, seeds 0, 1" in text


def test_the_table_of_removed_channels_stands_below_its_panel() -> None:
    name = "rni_cifar10jpeg_short"
    committed = (RESULTS / name / "report.md").read_text()
    ours = report_of_folder(RESULTS / name).text([])
    below = [text.partition("after removing channels, last epoch")[2] for text in (committed, ours)]
    rows = [[line for line in text.splitlines() if line.startswith("| ")][2:] for text in below]
    assert [row.split() for row in rows[0]] == [row.split() for row in rows[1]]
    assert len(rows[0]) == 6


def test_verify_says_what_is_missing_and_how_the_table_stands(made_up: Any) -> None:
    made_up.finish()
    missing = "cannot verify method=snip, sparsity=0.99: missing"
    assert verify(report_of_plan(made_up.plan)) == (2, [missing])
    made_up.write({"snip-0.99-0": 85.0, "snip-0.99-1": 85.1})
    code, (differs, verdict) = verify(report_of_plan(made_up.plan))
    assert code == 4
    assert differs.startswith("differs method=snip, sparsity=0.99: 85.05 ± 0.07 (n=2)")
    assert verdict.startswith("verdict: not reproduced (1 agree, 1 differ, 0 undecided of 2 cells")
    made_up.write({"snip-0.99-0": 90.0, "snip-0.99-1": 90.02})
    code, (verdict,) = verify(report_of_plan(made_up.plan))
    assert (code, verdict[:19]) == (0, "verdict: reproduced")
    made_up.write({"snip-0.99-0": 89.0, "snip-0.99-1": 91.0})
    code, (verdict,) = verify(report_of_plan(made_up.plan))
    assert (code, verdict[:18]) == (3, "verdict: undecided")
    code, (other,) = verify(report_of_plan(made_up.plan, "best"))
    assert (code, other) == (2, "cannot verify: published is last, and ours is best")


def test_a_tables_own_margin_counts_and_is_printed_with_its_reason(made_up: Any) -> None:
    made_up.finish()
    own = {"margin": 0.1, "margin_reason": "for a test"}
    report = report_of_plan(replace(made_up.plan, table={**made_up.plan.table, **own}))
    assert "the margin of 0.1 (for a test)" in "".join(report.lines)
    assert report.results.cells[1].judgement.answer == "undecided"


def test_what_was_changed_on_the_command_line_cannot_be_verified(
    plan_table: Callable[..., Any],
) -> None:
    words = ("dataset=image_folder", "strategy=gpu", "dataset.root=x", "seed=0")
    made_up = plan_table(*words)
    assert changes(made_up.plan) == ["dataset=image_folder"]
    made_up.finish()
    code, (sentence,) = verify(report_of_plan(made_up.plan))
    assert code == 2
    assert "is not the table's own setting" in sentence


def test_of_a_folder_nothing_was_published(made_up: Any, tmp_path: Path) -> None:
    made_up.finish()
    code, (sentence,) = verify(report_of_folder(tmp_path))
    assert code == 2
    assert "has no published number to judge by" in sentence


def test_a_tables_word_typed_makes_it_another_table() -> None:
    conf = Path(__file__).parents[2] / "conf"
    planned = plan(["+table=digits", "table.metric=best"], conf)
    assert changes(planned) == ["table.metric=best"]
    assert report_of_plan(planned).metric == "best"
