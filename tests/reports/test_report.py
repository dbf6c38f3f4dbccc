"""A table filled with runs: text, LaTeX, CSV, curves and the verdict."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from goldpan.reports import command as table_command
from goldpan.reports.command import changes, main, split
from goldpan.reports.counting import count
from goldpan.reports.plots import draw_curves
from goldpan.reports.results import Results
from goldpan.reports.spec import read_table
from goldpan.reports.text import escape, to_markdown
from goldpan.runs.record import Accuracy, Record, Sparsity
from goldpan.sweeps.cells import Cell, Plan

PUBLISHED = [
    {"at": {"method": "snip", "sparsity": 0.9}, "mean": 93.0, "std": 0.2, "n": 3},
    {"at": {"method": "snip", "sparsity": 0.99}, "mean": 90.0, "n": 1, "source": "a table"},
    {"at": {"method": "dense"}, "mean": 94.0, "verify": False},
]
SPEC: dict[str, Any] = {
    "paper": "a paper & its table",
    "metric": "last",
    "rows": "method",
    "columns": "sparsity",
    "published": PUBLISHED,
    "unknown": "Much.",
}
SEEDS = ["0", "1"]


def draft(name: str, seed: str) -> Record:
    return Record(
        id=name,
        status="failed",
        setting="digits vgg11 quick",
        method="snip",
        seed=int(seed),
        choices={"dataset": {"root": "data"}},
        started="2026-01-01T00:00:00+00:00",
        error="did not end",
        commit="abc",
        versions={"torch": "2.15.0"},
        hardware={"cpu": "a processor"},
        data={"name": "digits", "train": 1294, "test": 359},
        flops={"dense": 1000, "sparse": 100},
    )


def planned(folder: Path, *typed: str, methods: Sequence[str] = ("dense", "snip")) -> Plan:
    axes = {"method": list(methods), "sparsity": ["0.9", "0.99"], "seed": SEEDS}
    cells = []
    for method in methods:
        for sparsity in axes["sparsity"]:
            for seed in SEEDS:
                asked = "0" if method == "dense" else sparsity
                name = f"{method}-{asked}-{seed}"
                at = {"method": method, "sparsity": sparsity, "seed": seed}
                words = ("+table=demo", *(f"{key}={value}" for key, value in at.items()), *typed)
                choices = {"output": str(folder)}
                cells.append(Cell(words, at, choices, draft(name, seed), folder / name))
    return Plan(SPEC, axes, cells, axes)


def write(plan: Plan, accuracies: dict[str, float], **changed: Any) -> None:
    for cell in plan.runs:
        if cell.draft.id in accuracies:
            asked = float(cell.draft.id.split("-")[1])
            record = replace(
                cell.draft,
                status="finished",
                error=None,
                sparsity=Sparsity(asked, asked, asked, asked, {}),
                last=Accuracy(epoch=1, test=accuracies[cell.draft.id]),
            )
            cell.folder.mkdir(exist_ok=True)
            replace(record, **changed).write(cell.folder / "record.json")


def results(plan: Plan) -> Results:
    return count(plan, read_table(plan), "last")


def markdown(plan: Plan) -> str:
    return to_markdown(results(plan).panels[0], read_table(plan))


DONE = {"dense-0-0": 94.1, "dense-0-1": 94.3, "snip-0.9-0": 92.9, "snip-0.9-1": 93.1}


def test_the_table_has_ours_published_and_their_difference(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    write(plan, DONE)
    assert markdown(plan) == (
        "| method |            | 90 %               | 99 %        |\n"
        "| ------ | ---------- | ------------------ | ----------- |\n"
        "| dense  | ours       | 94.20 ± 0.14 (n=2) | ″           |\n"
        "|        | published  | 94.00 †            | ″           |\n"
        "|        | difference | +0.20              | ″           |\n"
        "| snip   | ours       | 93.00 ± 0.14 (n=2) | missing     |\n"
        "|        | published  | 93.00 ± 0.20 (n=3) | 90.00 (n=1) |\n"
        "|        | difference | +0.00 (±0.50)      |             |"
    )


def test_what_is_missing_failed_or_collapsed_is_said(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    write(plan, {"dense-0-0": 94.0})
    write(plan, {"snip-0.9-0": 10.0}, status="collapsed")
    write(plan, {"snip-0.9-1": 0.0}, status="failed", error="RuntimeError: out of luck")
    write(plan, {"snip-0.99-0": 0.0, "snip-0.99-1": 0.0}, status="failed")
    found = results(plan)
    assert [str(tally) for tally in found.tallies] == [
        "94.00 (n=1 of 2)",
        "10.00 (n=1 of 2, 1 failed, 1 collapsed)",
        "failed",
    ]
    assert any("RuntimeError: out of luck" in sentence for sentence in found.sentences)


def test_a_record_that_does_not_count_is_named_and_kept(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    write(plan, DONE)
    write(plan, {"snip-0.99-0": 90.0}, id="another")
    write(plan, {"snip-0.99-1": 90.0}, last=None)
    broken = tmp_path / "snip-0.9-0/record.json"
    broken.write_text("{")
    edited = tmp_path / "snip-0.9-1/record.json"
    edited.write_text(edited.read_text().replace("93.1", "99.1"))
    found = results(plan)
    assert [str(tally) for tally in found.tallies] == ["94.20 ± 0.14 (n=2)", "missing", "missing"]
    text = "\n".join(found.sentences)
    assert "another instead of snip-0.99-0" in text
    assert "has no accuracy last" in text
    assert "is not a whole record" in text
    assert "was edited" in text
    assert broken.read_text() == "{"


def test_further_axes_make_a_table_each(tmp_path: Path) -> None:
    plan = planned(tmp_path, methods=["snip"])
    other = [
        replace(cell, axes={**cell.axes, "recipe": recipe}, folder=cell.folder / recipe)
        for recipe in ("quick", "rni")
        for cell in plan.cells
    ]
    plan = replace(plan, axes={**plan.axes, "recipe": ["quick", "rni"]}, cells=other)
    assert [panel.title for panel in results(plan).panels] == ["recipe=quick", "recipe=rni"]


def test_a_curve_of_the_same_runs_or_of_dense_ones_has_no_slope(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    write(plan, DONE)
    table = read_table(plan)
    (panel,) = results(plan).panels
    assert panel.levels(table) == {"dense"}
    assert panel.repeats("dense")
    axes = {**plan.axes, "sparsity": ["0.9"]}
    (panel,) = count(replace(plan, axes=axes), table, "last").panels
    assert panel.levels(table) == {"dense"}
    assert not panel.repeats("dense")
    turned = replace(table, rows="sparsity", columns="method")
    (panel,) = count(plan, turned, "last").panels
    assert panel.levels(turned) == {"dense"}
    assert not any(panel.repeats(row) for row in panel.rows)


def test_flops_kept_are_a_mean_over_the_runs_that_count(tmp_path: Path) -> None:
    plan = planned(tmp_path, methods=["snip"])
    write(plan, {"snip-0.9-0": 92.9})
    write(plan, {"snip-0.9-1": 93.1}, flops={"dense": 1000, "sparse": 200})
    assert [tally.flops for tally in results(plan).tallies] == [15.0, None]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """`main` plans this table."""
    plan, conf = planned(tmp_path), tmp_path / "conf"
    (conf / "table").mkdir(parents=True)
    (conf / "table/demo.yaml").touch()
    monkeypatch.setattr(table_command, "plan", lambda words, conf: plan)
    monkeypatch.setattr(table_command, "conf_folder", lambda: conf)
    return plan


def test_the_command_writes_every_form_and_the_curves(
    command: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(command, DONE)
    assert main(["+table=demo"]) == 0
    text, folder = capsys.readouterr().out, tmp_path / "tables/demo"
    assert (folder / "report.md").read_text().strip() == text.strip()
    assert "4 runs, seeds 0, 1; 1294 training images, 359 test; a processor; torch" in text
    assert "published: a table" in text
    assert "unknown: Much." in text
    assert "0 of 1 cells" in text
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "curves.pdf").read_bytes().startswith(b"%PDF")
    latex = (folder / "report.tex").read_text()
    assert r"\caption{a paper \& its table; test accuracy (\%)" in latex
    assert latex.count(r" \\") == 7
    with (folder / "report.csv").open(newline="") as file:
        rows = {(row["method"], row["sparsity"]): row for row in csv.DictReader(file)}
    assert rows["snip", "0.9"]["mean"] == "93"
    assert rows["snip", "0.9"]["verdict"] == "inside"
    assert rows["snip", "0.99"]["n"] == "0"
    assert rows["snip", "0.99"]["source"] == "a table"


def test_pictures_are_drawn_again_only_if_they_would_differ(tmp_path: Path) -> None:
    plan, png, pdf = planned(tmp_path), tmp_path / "curves.png", tmp_path / "curves.pdf"

    def drawn() -> bool:
        before = [path.stat().st_ino for path in (png, pdf) if path.exists()]
        draw_curves(results(plan).panels[0], read_table(plan), png)
        return before != [path.stat().st_ino for path in (png, pdf)]

    write(plan, DONE)
    assert drawn()
    assert not drawn()
    for change in ({"last": Accuracy(1, 92.8)}, {"flops": {"dense": 1000, "sparse": 200}}):
        write(plan, {"snip-0.9-0": 92.9}, **change)
        assert drawn()
        assert not drawn()
    write(plan, {"snip-0.9-1": 93.1}, status="collapsed")
    assert drawn()
    pdf.write_bytes(b"%PDF of other numbers")
    assert drawn()
    png.unlink()
    assert drawn()
    assert not drawn()


def test_latex_prints_every_sign() -> None:
    assert escape("rni_resnet56 ± 5 % & ≠ \\") == (
        r"rni\_resnet56 $\pm$ 5 \% \& $\neq$ \textbackslash{}"
    )


def test_verify_fails_on_what_is_missing_and_what_lies_outside(
    command: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    write(command, DONE)
    assert main(["+table=demo", "verify=true"]) == 2
    assert "cannot verify method=snip, sparsity=0.99: missing" in capsys.readouterr().err
    write(command, {"snip-0.99-0": 85.0, "snip-0.99-1": 85.1})
    assert main(["+table=demo", "verify=true"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("outside method=snip, sparsity=0.99: 85.05 ± 0.07 (n=2)")
    assert error.count("\n") == 1
    write(command, {"snip-0.99-0": 90.0, "snip-0.99-1": 90.1})
    assert main(["+table=demo", "verify=true"]) == 0
    assert main(["+table=demo", "verify=true", "metric=best"]) == 2
    assert "cannot verify: published is last, and ours is best" in capsys.readouterr().err


def test_what_was_changed_on_the_command_line_cannot_be_verified(
    command: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(tmp_path, "dataset=image_folder", "strategy=gpu", "dataset.root=x", "seed=0")
    assert changes(plan) == ["dataset=image_folder"]
    monkeypatch.setattr(table_command, "plan", lambda words, conf: plan)
    write(plan, {**DONE, "snip-0.99-0": 90.0, "snip-0.99-1": 90.1})
    assert main(["+table=demo", "verify=true"]) == 2


def test_images_from_files_are_said_to_be_so(
    command: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"name": "image_folder", "train": 50000, "test": 10000}
    choices = {"dataset": {"root": "cifar10-jpeg.tar.xz"}}
    write(command, DONE, data=data, choices=choices)
    assert main(["+table=demo", "to=markdown"]) == 0
    assert "from the files in cifar10-jpeg.tar.xz: JPEG files are not" in capsys.readouterr().out


def test_the_words_of_a_report_are_told_from_hydras(capsys: pytest.CaptureFixture[str]) -> None:
    words, rest = split(["+table=demo", "to=CSV", "sparsity=0.9", "verify=true"])
    assert words == {"to": "csv", "verify": "true"}
    assert rest == ["+table=demo", "sparsity=0.9"]
    assert main(["+table=digits", "to=word"]) == 1
    assert "to is one of markdown, latex, csv, html, wandb; got word" in capsys.readouterr().err


def test_a_table_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["+table=digts"]) == 1
    assert "did you mean digits?" in capsys.readouterr().err
