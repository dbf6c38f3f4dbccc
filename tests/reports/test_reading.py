"""Which records count, and what is said of the others."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from goldpan.reports.reading import EXPORT, read_below, read_planned
from goldpan.runs.record import read_record


def test_a_record_that_does_not_count_is_named_and_kept(made_up: Any, tmp_path: Path) -> None:
    made_up.finish()
    made_up.write({"snip-0.99-0": 90.0}, id="another")
    made_up.write({"snip-0.99-1": 90.0}, accuracies=None)
    broken = tmp_path / "snip-0.9-0/record.json"
    broken.write_text("{")
    edited = tmp_path / "snip-0.9-1/record.json"
    edited.write_text(edited.read_text().replace("93.1", "99.1"))
    found = read_planned(made_up.plan.cells, "last")
    assert [record.identity.id for record in found.records.values()] == ["dense-0-0", "dense-0-1"]
    text = "\n".join(found.sentences)
    assert "another instead of snip-0.99-0" in text
    assert "has no accuracy last" in text
    assert "is not a whole record" in text
    assert "was edited" in text
    assert broken.read_text() == "{"


def test_an_export_is_no_method(made_up: Any, tmp_path: Path) -> None:
    """Of before goldpan export, when an export was a run with a record."""
    made_up.finish()
    before = read_below(tmp_path, "last")
    cell = next(cell for cell in made_up.plan.runs if cell.draft.identity.id == "snip-0.9-0")
    record = read_record(cell.folder / "record.json")
    choices = {**record.identity.choices, "procedure": {"_target_": EXPORT, "_partial_": True}}
    who = replace(record.identity, id="export", method="snip procedure=export", choices=choices)
    for name, status in (("written", "finished"), ("broken", "failed")):
        (tmp_path / name).mkdir()
        one = replace(record, identity=who, status=status)
        one.write(tmp_path / name / "record.json")
    assert read_below(tmp_path, "last") == before


def test_below_a_folder_the_oldest_run_comes_first(made_up: Any, tmp_path: Path) -> None:
    made_up.write({"snip-0.9-0": 96.0}, started="2026-01-02T00:00:00+00:00")
    made_up.write({"snip-0.9-1": 98.0}, started="2026-01-01T00:00:00+00:00")
    (tmp_path / "snip-0.99-0").mkdir()
    (tmp_path / "snip-0.99-0/record.json").write_text("{")
    found = read_below(tmp_path, "last")
    assert [record.identity.seed for record in found.records.values()] == [1, 0]
    assert "0.99-0/record.json is not a whole record" in found.sentences[0]


def test_of_two_runs_with_one_name_and_seed_the_later_counts(made_up: Any, tmp_path: Path) -> None:
    made_up.write({"snip-0.9-0": 96.0})
    one = made_up.plan.runs[2].record()
    for day, name, status in ((2, "later", "finished"), (3, "failed", "failed")):
        who = replace(one.identity, id=name, started=f"2026-01-0{day}T00:00:00+00:00")
        (tmp_path / name).mkdir()
        replace(one, identity=who, status=status).write(tmp_path / name / "record.json")
    found = read_below(tmp_path, "last")
    assert [record.identity.id for record in found.records.values()] == ["later"]
    assert found.sentences == [
        f"failed: {tmp_path}/failed/record.json: None",
        "not counted: snip on digits vgg11 quick, seed 0, run snip-0.9-0 of "
        "2026-01-01T00:00:00+00:00: run later of 2026-01-02T00:00:00+00:00 has the same name and "
        "seed",
    ]


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no record\.json below"):
        read_below(tmp_path, "last")
