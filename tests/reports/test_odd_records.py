"""A record with something odd in it is named, and the report is made of the others."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from goldpan.reports.page.page import page
from goldpan.reports.reading import read_below
from goldpan.reports.report import report_of_folder
from goldpan.runs.record import Identity, Origin, Record
from goldpan.runs.results import Accuracies, Accuracy, Costs, Sparsity, WeightResult

GOOD = Record(
    Identity("0", "digits", "snip", 0, {"sparsity": 0.9}, "2026"),
    "finished",
    origin=Origin("abc", {"torch": "2"}, {"cpu": "one"}, {"name": "d", "train": 9, "test": 9}),
    accuracies=Accuracies(Accuracy(1, 90.0)),
    costs=Costs({}, 10, 10, ""),
    weights=WeightResult(Sparsity(0.9, 0.9, 0.9, 0.9, {}), 10, 1, 1, ""),
)


def two(folder: Path, odd: Record) -> None:
    """A good run and an odd one."""
    for number, record in enumerate((GOOD, odd)):
        who = replace(record.identity, id=str(number), seed=number)
        (folder / str(number)).mkdir()
        replace(record, identity=who).write(folder / str(number) / "record.json")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("identity", {"id": "1", "started": 5}),
        ("accuracies", {"last": {"epoch": 1, "test": "90"}}),
        ("costs", {"flops": 0, "seconds": {}, "parameters": 10, "convention": ""}),
        ("origin", "unknown"),
    ],
)
def test_an_odd_record_is_named_and_not_counted(tmp_path: Path, part: str, value: object) -> None:
    two(tmp_path, GOOD)
    path = tmp_path / "1/record.json"
    values = json.loads(path.read_text()) | {part: value}
    del values["seal"]
    path.write_text(json.dumps(values))
    report = report_of_folder(tmp_path)
    assert "n=1" in report.text([])
    assert f"not counted: {path} is not a whole record" in report.text([])
    assert page(report)


def test_a_record_that_is_a_folder_stops_no_report(tmp_path: Path) -> None:
    two(tmp_path, GOOD)
    (tmp_path / "1/record.json").unlink()
    (tmp_path / "1/record.json").mkdir()
    found = read_below(tmp_path, "last")
    assert list(found.records) == [tmp_path / "0"]
    assert "1/record.json is not a whole record" in found.sentences[0]


def test_a_record_that_does_not_say_where_it_is_from_is_counted(tmp_path: Path) -> None:
    two(tmp_path, replace(GOOD, origin=Origin()))
    text = report_of_folder(tmp_path).text([])
    assert "n=2" in text
    assert "unknown hardware" in text


def test_a_failed_record_without_a_sparsity_stops_no_report(tmp_path: Path) -> None:
    who = replace(GOOD.identity, choices={"sparsity": "much"})
    two(tmp_path, replace(GOOD, identity=who, status="failed", error="why", weights=None))
    assert list(read_below(tmp_path, "last").records) == [tmp_path / "0"]
