"""Which records are made again, and what becomes of the old files."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig

from goldpan.runs import experiment
from goldpan.runs.experiment import run
from goldpan.runs.record import CHECKPOINT, RECORD, Identity, Origin, Record, Status, read_record
from goldpan.runs.refusal import Refusal
from goldpan.runs.rerun import MADE_BY, claim_checkpoint, is_wanted, keep_old, stale

Configure = Callable[..., DictConfig]
SHORT = ("model=lenet_300_100", "recipe.epochs=1", "dataset.limit=200")
GROUPS = {"dataset": "digits", "model": "lenet_300_100", "recipe": "quick", "method": "snip"}


def record(status: Status, by: str, started: str = "2026-01-01T00:00:00+00:00") -> Record:
    who = Identity("0123456789ab", "digits vgg11 quick", "snip", 0, {}, started)
    return Record(who, status, origin=Origin(fingerprint=by))


DRAFT = record("failed", "new+same", "2026-01-02T00:00:00+00:00")


@pytest.mark.parametrize(
    ("rerun", "wanted"),
    [
        (None, []),
        ("failed", ["failed"]),
        ("stale", ["stale"]),
        ("all", ["failed", "stale", "fresh", "unknown"]),
    ],
)
def test_the_option_says_which_records_are_made_again(rerun: str | None, wanted: list[str]) -> None:
    records = {
        "failed": record("failed", "old"),
        "stale": record("finished", "old"),
        "fresh": record("collapsed", "new+same"),
        "unknown": record("finished", ""),
    }
    assert [name for name, one in records.items() if is_wanted(one, DRAFT, rerun)] == wanted


@pytest.mark.parametrize("rerun", ["stale", "all"])
def test_a_record_that_is_newer_than_the_plan_stays(rerun: str) -> None:
    newer = record("finished", "old", "2026-01-03T00:00:00+00:00")
    assert not is_wanted(newer, DRAFT, rerun)


def test_a_stale_record_says_which_part_changed() -> None:
    assert stale(record("finished", "old+same"), DRAFT) == "code"
    assert stale(record("finished", "new+other"), DRAFT) == "images"
    assert stale(record("failed", "old+other"), DRAFT) == ""


def test_nothing_that_was_kept_is_overwritten(tmp_path: Path) -> None:
    for count in range(3):
        (tmp_path / RECORD).write_text(str(count))
        keep_old(tmp_path, record("finished", "old"))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "record-2026-01-01T00-00-00.json": "0",
        "record-2026-01-01T00-00-00-2.json": "1",
        "record-2026-01-01T00-00-00-3.json": "2",
    }


def test_members_of_an_ensemble_are_kept_once_each(tmp_path: Path) -> None:
    for _ in range(2):
        for name in ("members.csv", "member1.pt", "member12.pt"):
            (tmp_path / name).touch()
        keep_old(tmp_path, record("finished", "old"))
    assert len([*tmp_path.iterdir()]) == 6
    assert not list(tmp_path.glob("member1.pt"))


def test_a_checkpoint_of_other_code_is_removed_in_every_round(tmp_path: Path) -> None:
    (tmp_path / "round1").mkdir()
    for folder in (tmp_path, tmp_path / "round1"):
        (folder / CHECKPOINT).touch()
    (tmp_path / MADE_BY).write_text("old")
    made_by, sentence = claim_checkpoint(tmp_path, "new")
    assert made_by == (tmp_path / MADE_BY).read_text() == "new"
    assert "starts over: the code changed since" in sentence
    assert not [*tmp_path.rglob(CHECKPOINT)]


def test_a_checkpoint_of_the_same_code_stays(tmp_path: Path) -> None:
    assert claim_checkpoint(tmp_path, "new") == ("new", "")
    (tmp_path / CHECKPOINT).touch()
    assert claim_checkpoint(tmp_path, "new") == ("new", "")
    assert (tmp_path / CHECKPOINT).exists()


def test_who_made_a_checkpoint_of_before_fingerprints_is_unknown(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).touch()
    assert claim_checkpoint(tmp_path, "new") == ("", "")


@pytest.fixture
def old_run(configure: Configure, tmp_path: Path) -> Path:
    """The file of a record that other code made yesterday, beside a curve and weights."""
    made = run(configure(*SHORT), GROUPS)
    (folder,) = tmp_path.iterdir()
    who = replace(made.identity, started="2026-01-01T00:00:00+00:00")
    old = replace(made, identity=who, origin=replace(made.origin, fingerprint="old"))
    old.write(folder / RECORD)
    return folder / RECORD


def test_a_stale_record_is_said_and_left(
    old_run: Path, configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    before = old_run.read_text()
    run(configure(*SHORT), GROUPS)
    sentence = "stale: the code changed since this was done; rerun=stale runs it again: snip on"
    assert sentence in capsys.readouterr().out
    assert old_run.read_text() == before


@pytest.mark.parametrize("rerun", ["stale", "all"])
def test_a_run_made_again_keeps_the_old_record_beside(
    rerun: str, old_run: Path, configure: Configure
) -> None:
    before = old_run.read_text()
    again = run(configure(*SHORT, f"rerun={rerun}"), GROUPS)
    assert again.origin.fingerprint not in ("", "old")
    assert read_record(old_run) == again
    kept = {path.name for path in old_run.parent.glob("*-2026-01-01T00-00-00.*")}
    assert kept == {
        f"{name}-2026-01-01T00-00-00.{end}"
        for name, end in (("record", "json"), ("architecture", "json"), ("metrics", "csv"))
    } | {"model-2026-01-01T00-00-00.pt"}
    assert (old_run.parent / "record-2026-01-01T00-00-00.json").read_text() == before
    assert not (old_run.parent / MADE_BY).exists()
    numbers = ("accuracies", "weights", "ranks")
    assert [json.loads(before)[name] for name in numbers] == [
        json.loads(old_run.read_text())[name] for name in numbers
    ]


def test_a_run_that_is_refused_leaves_the_old_record(
    old_run: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(old_run.parent.iterdir())

    def refuse(*_: Any) -> None:
        raise Refusal("no images")

    monkeypatch.setattr(experiment, "build", lambda _: refuse)
    with pytest.raises(Refusal, match="no images"):
        run(configure(*SHORT, "rerun=stale"), GROUPS)
    assert old_run in before
    assert {*before} <= {*old_run.parent.iterdir()}


def test_code_that_was_edited_after_a_run_was_planned_makes_it_stale(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "code_fingerprint", lambda choices: "later")
    assert run(configure(*SHORT), GROUPS).origin.fingerprint == "edited"


def test_another_value_of_the_option_is_refused(configure: Configure) -> None:
    with pytest.raises(Refusal, match="rerun is failed, stale, all or null; got everything"):
        run(configure(*SHORT, "rerun=everything"), GROUPS)


def test_a_broken_record_is_refused_with_what_mends_it(old_run: Path, configure: Configure) -> None:
    old_run.write_text("{")
    with pytest.raises(Refusal, match=r"is not a whole record: .*; rerun=failed sets it aside"):
        run(configure(*SHORT), GROUPS)
    assert old_run.read_text() == "{"


def test_a_broken_record_is_set_aside_and_the_run_done_again(
    old_run: Path, configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    old_run.write_text("{")
    again = run(configure(*SHORT, "rerun=failed"), GROUPS)
    assert read_record(old_run) == again
    assert (old_run.parent / "record.broken-1.json").read_text() == "{"
    assert "its record is broken and is now record.broken-1.json\n" in capsys.readouterr().out
