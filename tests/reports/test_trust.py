"""Which runs a report does not trust, and that it verifies nothing by them."""

from dataclasses import replace
from typing import Any

import pytest

from goldpan.reports import trust
from goldpan.reports.command import main
from goldpan.reports.report import report_of_folder, report_of_plan, verify
from goldpan.reports.trust import doubts, doubts_of_then, unknown
from goldpan.runs.record import Record

DIFFERENT = ("snip-0.9-0", "snip-0.9-1")


def by(made_up: Any, fingerprints: dict[str, str], commit: str = "abc") -> list[Record]:
    """The made-up records, made by code of these fingerprints."""
    made_up.finish()
    for cell in made_up.plan.runs:
        if (record := cell.record()) is not None:
            fingerprint = fingerprints.get(record.identity.id, "now")
            origin = replace(record.origin, commit=commit, fingerprint=fingerprint)
            replace(record, origin=origin).write(cell.folder / "record.json")
    return made_up.results.records  # type: ignore[no-any-return]


def now(records: list[Record]) -> dict[str, str]:
    return {record.identity.id: "now" for record in records}


def test_runs_of_one_code_are_trusted(made_up: Any) -> None:
    records = by(made_up, {})
    assert doubts(records, now(records)) == unknown(records) == []


def test_stale_runs_are_counted_by_method(made_up: Any) -> None:
    records = by(made_up, dict.fromkeys(DIFFERENT, "before"))
    assert doubts(records, now(records)) == [
        "stale, what decides them changed since: 2 of snip (code); "
        "rerun=stale repeats them, verify=recorded judges by the code that made them"
    ]


def test_a_method_of_two_codes_is_mixed(made_up: Any) -> None:
    records = by(made_up, {"snip-0.9-0": "now+cats", "snip-0.9-1": "now+dogs"})
    assert doubts(records, now(records)) == [
        "mixed, runs of several codes or images stand together: snip"
    ]


def test_methods_may_differ_in_their_code(made_up: Any) -> None:
    records = by(made_up, dict.fromkeys(DIFFERENT, "of snip"))
    assert doubts(records, {}) == []


def test_commits_with_changes_are_counted(made_up: Any) -> None:
    records = by(made_up, {}, commit="abc-dirty")
    assert doubts(records, {}) == ["-dirty, made while files were not committed: 4 of 4 runs"]


@pytest.mark.parametrize(("here", "doubted"), [("abd", 0), ("abd-dirty", 4), ("goldpan 0.2.0", 4)])
def test_code_that_is_committed_by_now_vouches_for_its_runs(
    made_up: Any, monkeypatch: pytest.MonkeyPatch, here: str, doubted: int
) -> None:
    monkeypatch.setattr(trust, "commit", lambda: here)
    records = by(made_up, {}, commit="abc-dirty")
    lines = [f"-dirty, made while files were not committed: {doubted} of 4 runs"] * (doubted > 0)
    assert doubts(records, now(records)) == lines


def test_runs_of_before_fingerprints_are_unknown_and_not_doubted(made_up: Any) -> None:
    records = by(made_up, dict.fromkeys(DIFFERENT, ""))
    assert doubts(records, now(records)) == []
    assert unknown(records) == ["2 runs of before fingerprints: what code made them is unknown"]


@pytest.fixture
def uncommitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are not committed today either."""
    monkeypatch.setattr(trust, "commit", lambda: "abd-dirty")


@pytest.mark.usefixtures("uncommitted")
def test_a_report_says_its_doubts(made_up: Any, tmp_path: Any) -> None:
    by(made_up, dict.fromkeys(DIFFERENT, "before"), commit="abc-dirty")
    for report in (report_of_plan(made_up.plan), report_of_folder(tmp_path)):
        assert "-dirty, made while files were not committed: 4 of 4 runs" in report.lines
    assert "stale" in report.text([])


@pytest.mark.usefixtures("uncommitted")
@pytest.mark.parametrize("commit", ["abc", "abc-dirty"])
def test_what_is_doubted_is_not_verified(
    typed: Any, commit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    records = by(typed, {"snip-0.9-0": "before"} if commit == "abc" else {}, commit)
    assert doubts(records, now(records))
    assert main(["+table=demo", "verify=true"]) == 2
    code, lines = verify(report_of_plan(typed.plan))
    assert code == 2
    assert all(line.startswith("cannot verify: ") for line in lines)
    assert "cannot verify: " in capsys.readouterr().err


def test_runs_of_other_code_are_judged_by_that_of_their_commits(
    made_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = by(made_up, dict.fromkeys(DIFFERENT, "before"), commit="abc-dirty")
    then = now(records) | dict.fromkeys(DIFFERENT, "before")
    monkeypatch.setattr(trust, "recorded", lambda _: then)
    assert doubts_of_then(records) == []
    monkeypatch.setattr(trust, "recorded", lambda _: now(records) | {"snip-0.9-0": "before"})
    assert (
        doubts_of_then(records)[0] == "1 runs of abc were made by other code than that commit has"
    )
    monkeypatch.setattr(trust, "recorded", lambda _: {})
    assert doubts_of_then(records)[0] == "4 runs of abc, a commit that is not here"
