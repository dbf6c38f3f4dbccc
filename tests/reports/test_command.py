from dataclasses import replace
from pathlib import Path

import pytest

from goldpan.reports.command import main
from goldpan.reports.evidence import evidence
from goldpan.reports.folder import Cell, grid, table
from goldpan.runs.record import Accuracy, Record, Sparsity

BASE = Record(
    id="0" * 12,
    status="finished",
    setting="digits vgg11 quick",
    method="snip",
    seed=0,
    choices={},
    started="2026-01-01T00:00:00+00:00",
    commit="abc",
    versions={"torch": "2.15.0"},
    hardware={"cpu": "a processor"},
    data={"train": 1294, "test": 359},
)


def record(
    method: str, sparsity: float, seed: int, test: float, status: str = "finished"
) -> Record:
    return replace(
        BASE,
        method=method,
        seed=seed,
        status=status,  # type: ignore[arg-type]
        sparsity=Sparsity(sparsity, sparsity, sparsity, sparsity, {}),
        last=Accuracy(epoch=1, test=test),
    )


RECORDS = [
    record("dense", 0.0, 0, 99.0),
    record("snip", 0.9, 0, 96.0),
    record("snip", 0.9, 1, 98.0),
    record("snip", 0.995, 0, 10.0, "collapsed"),
    replace(record("snip", 0.9, 2, 0.0), status="failed", error="RuntimeError: out of luck"),
]


def test_a_cell_says_mean_std_and_n() -> None:
    assert str(Cell([96.0, 98.0])) == "97.00 ± 1.41 (n=2)"
    assert str(Cell([10.0], collapsed=1)) == "10.00 (n=1, 1 collapsed)"


def test_the_table_has_a_row_a_method_and_a_column_a_sparsity() -> None:
    assert table(grid(RECORDS, "last")) == (
        "| method | 0 %         | 90 %               | 99.5 %                   |\n"
        "| ------ | ----------- | ------------------ | ------------------------ |\n"
        "| dense  | 99.00 (n=1) | -                  | -                        |\n"
        "| snip   | -           | 97.00 ± 1.41 (n=2) | 10.00 (n=1, 1 collapsed) |"
    )


def test_the_evidence_counts_what_the_table_counts() -> None:
    assert evidence(RECORDS) == (
        "4 runs, seeds 0, 1; 1294 training images, 359 test; a processor; torch 2.15.0; commit abc"
    )


def test_the_command_writes_the_table_and_the_figure_and_names_what_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for index, one in enumerate(RECORDS):
        (tmp_path / str(index)).mkdir()
        one.write(tmp_path / str(index) / "record.json")
    (tmp_path / "0/record.json").write_text("{")
    assert main([str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "97.00 ± 1.41 (n=2)" in text
    assert "failed: snip, seed 2: RuntimeError: out of luck" in text
    assert "0/record.json is not a whole record" in text
    assert (tmp_path / "report.md").read_text().strip() == text.strip()
    assert (tmp_path / "accuracy.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_records_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 1
    assert "no record.json below" in capsys.readouterr().err


def test_one_sparsity_is_drawn_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    record("snip", 0.9, 0, 96.0).write(tmp_path / "one/record.json")
    assert main([str(tmp_path)]) == 0
    assert (tmp_path / "accuracy.png").exists()


def test_of_two_runs_with_one_name_and_seed_the_later_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = record("snip", 0.9, 0, 96.0)
    later = replace(one, id="1" * 12, started="2026-01-02T00:00:00+00:00")
    other = replace(later, id="2" * 12, started="2026-01-03T00:00:00+00:00", last=None)
    failed = replace(later, id="3" * 12, started="2026-01-04T00:00:00+00:00", status="failed")
    for run in (later, one, other, failed, record("snip", 0.9, 1, 98.0)):
        (tmp_path / f"{run.id}-{run.seed}").mkdir()
        run.write(tmp_path / f"{run.id}-{run.seed}/record.json")
    assert main([str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "97.00 ± 1.41 (n=2)" in text
    assert text.count("not counted") == 1
    assert (
        "not counted: snip on digits vgg11 quick, seed 0, run 000000000000 of "
        "2026-01-01T00:00:00+00:00: run 111111111111 of 2026-01-02T00:00:00+00:00 has the same "
        "name and seed"
    ) in text
