"""Whole sweeps through the command line, as a user starts them."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from omegaconf import OmegaConf

from goldpan.runs.record import LOCK, RECORD, Record, Status, read_record
from goldpan.sweeps.cells import Cell, Plan, plan
from goldpan.sweeps.launchers.launcher import OnEnd
from goldpan.sweeps.sweep import Summary, own_options, sweep
from goldpan.sweeps.work import BUSY, LOG

ROOT = Path(__file__).parents[2]
TINY = (
    "model=lenet_300_100",
    "dataset.limit=200",
    "recipe.epochs=1",
    "logger=none",
    "strategy.threads=1",
)


def type_in(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    path = Path(__file__).parent, ROOT / "src"
    named = {word.partition("=")[0] for word in words}
    tiny = [word for word in TINY if word.partition("=")[0] not in named]
    return subprocess.run(
        [sys.executable, "run.py", *words, *tiny, f"output={folder}"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_of_a_cell_finds_the_users_own_options() -> None:
    sources = [
        {"provider": "main", "path": "conf"},
        {"provider": "command-line", "path": "/mine"},
        {"provider": "hydra.searchpath in command-line", "path": "theirs"},
    ]
    typed = {"hydra": ["hydra.mode=MULTIRUN", "hydra.searchpath=[file://theirs]"]}
    hydra = {"runtime": {"config_sources": sources}, "overrides": typed}
    found = own_options(OmegaConf.create({"hydra": hydra}))
    assert found == ["--config-dir=/mine", "hydra.searchpath=[file://theirs]"]


def records(folder: Path) -> dict[str, Record]:
    found = [read_record(path) for path in folder.glob("*/record.json")]
    return {record.identity.id: record for record in found}


def test_a_bad_cell_stops_no_other_and_is_not_run_again_unasked(tmp_path: Path) -> None:
    bad = ["raises", "segfaults", "exits", "eats_all_memory"]
    scorers = [f"scorers_that_fail.{name}" for name in bad] + ["goldpan.scorers.snip.snip"]
    words = ["-m", "launcher.slots=2", f"method.pruner.scorer._target_={','.join(scorers)}"]
    done = type_in(tmp_path, *words)
    assert done.returncode == 1
    assert "5 cells: " in done.stdout
    assert "4 failed" in done.stdout
    assert "1 finished" in done.stdout
    for sentence in ("RuntimeError: the scorer broke", "SIGSEGV", "exit code 4", "memory"):
        assert sentence in done.stdout
    errors = sorted(str(record.error) for record in records(tmp_path).values())
    assert len(errors) == 5
    again = type_in(tmp_path, *words)
    assert "5 cells: 4 failed, 1 skipped" in again.stdout
    assert again.returncode == 1


def test_a_cell_that_another_process_has_done_meanwhile_counts_as_done(tmp_path: Path) -> None:
    def launch(cells: Sequence[Cell], on_end: OnEnd, _: tuple[str, ...]) -> None:
        ended: tuple[Status, ...] = ("finished", "failed")
        for cell, status in zip(cells, ended, strict=False):
            cell.folder.mkdir()
            replace(cell.draft, status=status).write(cell.folder / RECORD)
        for cell in cells:
            on_end(cell, BUSY)

    planned = plan(["seed=0,1,2", "logger=none", f"output={tmp_path}"], ROOT / "conf")
    summary = sweep(planned, launch, (), rerun=None, progress=False)
    assert summary.done == {"done elsewhere": 1, "failed": 1, "running elsewhere": 1}
    assert list(summary.failures) == [planned.runs[1].folder]


def finish(cells: Sequence[Cell], on_end: OnEnd, _: tuple[str, ...]) -> None:
    """A launcher that does nothing but write records."""
    for cell in cells:
        cell.folder.mkdir(exist_ok=True)
        replace(cell.draft, status="finished", error=None).write(cell.folder / RECORD)
        on_end(cell, 0)


def test_with_fail_fast_the_first_failed_cell_ends_the_sweep(tmp_path: Path) -> None:
    def fail(cells: Sequence[Cell], on_end: OnEnd, _: tuple[str, ...]) -> None:
        finish(cells[:1], on_end, ())
        for cell in cells[1:]:
            on_end(cell, 1)

    planned = plan(["seed=0,1,2,3", "logger=none", f"output={tmp_path}"], ROOT / "conf")
    summary = sweep(planned, fail, (), rerun=None, progress=False, fail_fast=True)
    assert +summary.done == {"finished": 1, "failed": 1, "paused or not begun": 2}
    assert "fail_fast=true ended the sweep; the same command goes on" in str(summary)
    assert not summary.ok
    again = sweep(planned, finish, (), rerun=None, progress=False, fail_fast=True)
    assert +again.done == {"skipped": 1, "failed": 1, "finished": 2}


@pytest.mark.slow
def test_fail_fast_pauses_the_cells_that_run(tmp_path: Path) -> None:
    scorers = "goldpan.scorers.snip.snip,scorers_that_fail.raises"
    words = ["-m", "launcher.slots=2", f"method.pruner.scorer._target_={scorers}"]
    words += ["fail_fast=true", "recipe.epochs=60"]
    done = type_in(tmp_path, *words)
    assert done.returncode == 1
    assert "2 cells: 1 failed, 1 paused or not begun" in done.stdout
    assert [record.done for record in records(tmp_path).values()] == [False]
    assert "2 cells: 1 failed, 1 finished" in type_in(tmp_path, *words).stdout


def test_failed_cells_are_run_again_when_asked(tmp_path: Path) -> None:
    def fail(cells: Sequence[Cell], on_end: OnEnd, _: tuple[str, ...]) -> None:
        for cell in cells:
            on_end(cell, -signal.SIGSEGV)

    planned = plan(["logger=none", f"output={tmp_path}"], ROOT / "conf")
    assert +sweep(planned, fail, (), rerun=None, progress=False).done == {"failed": 1}
    assert sweep(planned, finish, (), rerun=None, progress=False).done == {"failed": 1}
    assert +sweep(planned, finish, (), rerun="failed", progress=False).done == {"finished": 1}


def test_a_cell_that_another_process_does_is_left_to_it(tmp_path: Path) -> None:
    planned = plan([*TINY, "seed=0,1", f"output={tmp_path}"], ROOT / "conf")
    sweep(planned, finish, (), rerun=None, progress=False)
    folder = planned.runs[0].folder
    (folder / RECORD).unlink()
    with FileLock(folder / LOCK):
        done = type_in(tmp_path, "-m", "seed=0,1")
    assert "1 skipped, 1 running elsewhere" in done.stdout
    assert done.returncode == 0


def test_a_broken_record_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    planned = plan(["seed=0,1", "logger=none", f"output={tmp_path}"], ROOT / "conf")
    sweep(planned, finish, (), rerun=None, progress=False)
    path = planned.runs[0].folder / RECORD
    path.write_text(path.read_text()[:100])
    summary = sweep(planned, finish, (), rerun=None, progress=False)
    assert summary.done == {"failed": 1, "skipped": 1}
    assert f"{path} is not a whole record" in str(summary)
    assert len(path.read_text()) == 100


def test_a_broken_record_is_set_aside_and_its_cell_run_when_asked(tmp_path: Path) -> None:
    planned = plan(["seed=0,1", "logger=none", f"output={tmp_path}"], ROOT / "conf")
    sweep(planned, finish, (), rerun=None, progress=False)
    folder = planned.runs[0].folder
    for number in (1, 2):
        (folder / RECORD).write_text(f"broken {number}")
        summary = sweep(planned, finish, (), rerun="failed", progress=False)
        assert +summary.done == {"finished": 1, "skipped": 1}
        assert (folder / f"record.broken-{number}.json").read_text() == f"broken {number}"
    assert (folder / "record.broken-1.json").read_text() == "broken 1"
    assert read_record(folder / RECORD).done


def test_a_broken_record_that_another_process_is_at_stays(tmp_path: Path) -> None:
    def busy(cells: Sequence[Cell], on_end: OnEnd, _: tuple[str, ...]) -> None:
        for cell in cells:
            on_end(cell, BUSY)

    planned = plan(["logger=none", f"output={tmp_path}"], ROOT / "conf")
    (folder,) = (cell.folder for cell in planned.runs)
    folder.mkdir()
    (folder / RECORD).write_text("broken")
    with FileLock(folder / LOCK):
        summary = sweep(planned, busy, (), rerun="failed", progress=False)
    assert summary.done == {"running elsewhere": 1}
    assert (folder / RECORD).read_text() == "broken"


def test_the_summary_names_only_logs_that_are_there(tmp_path: Path) -> None:
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    (tmp_path / "with" / LOG).touch()
    text = str(Summary(failures={tmp_path / "with": "one", tmp_path / "without": "two"}))
    assert f"failed: one; log: {tmp_path / 'with' / LOG}\n" in text
    assert "failed: two\n" in text


def test_a_reason_that_many_cells_share_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(cells: Sequence[Cell], on_end: OnEnd, _: tuple[str, ...]) -> None:
        for cell, reason in zip(cells, ("no images", "no images", "no room"), strict=True):
            cell.folder.mkdir()
            replace(cell.draft, error=reason).write(cell.folder / RECORD)
            on_end(cell, 1)

    planned = plan(["seed=0,1,2", "logger=none", f"output={tmp_path}"], ROOT / "conf")
    summary = sweep(planned, fail, (), rerun=None, progress=False)
    said = f"{summary}"
    assert "failed: no images (in 2 cells)\nfailed: no room\n" in said
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.endswith(" failed: no images")
    assert second.endswith(f" failed as {planned.runs[0].folder.name}")
    assert third.endswith(" failed: no room")


@pytest.mark.slow
def test_cells_of_two_processes_train_what_the_sweep_says(tmp_path: Path) -> None:
    """Lightning starts the second process by repeating the command line: it must be the cell's."""
    ddp = ("strategy=ddp", "strategy.accelerator=cpu", "strategy.devices=2")
    done = type_in(tmp_path / "two", "-m", *ddp, "seed=0,1")
    assert done.returncode == 0, done.stdout
    type_in(tmp_path / "one", "-m", "seed=0,1")
    two, one = (
        {record.identity.seed: record for record in records(tmp_path / name).values()}
        for name in ("two", "one")
    )
    assert two.keys() == one.keys() == {0, 1}
    for seed, record in two.items():
        assert len(set(record.ranks)) == 1
        assert len(record.ranks) == 2
        assert record.weights.masks == one[seed].masks


def test_axes_typed_as_hydras_own_are_refused(tmp_path: Path) -> None:
    done = type_in(tmp_path, "-m", "+hydra.sweeper.params.seed=5")
    assert "hydra.sweeper.params.seed=5 cannot be set for a sweep" in done.stderr
    assert done.returncode == 1
    assert not list(tmp_path.iterdir())


def test_a_mistake_is_said_before_any_cell_runs(tmp_path: Path) -> None:
    done = type_in(tmp_path, "-m", "sparsity=0.9,nothing")
    assert "sparsity is a fraction" in done.stderr
    assert not list(tmp_path.glob("*/record.json"))


@pytest.mark.slow
def test_a_sweep_killed_ten_times_ends_as_one_left_alone(tmp_path: Path) -> None:
    """Every cell exactly once, and the records bit for bit, whenever the process group dies."""
    words = ["-m", "method=snip,grasp,magnitude,random", "sparsity=0.8,0.9", "seed=0,1,2"]
    words += ["recipe.epochs=3", "launcher.slots=2"]
    alone = type_in(tmp_path / "alone", *words)
    assert "24 cells: 24 finished" in alone.stdout
    chance = random.Random(0)
    for _ in range(10):
        process = subprocess.Popen(
            [sys.executable, "run.py", *words, *TINY, f"output={tmp_path / 'killed'}"],
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(1, 8))
        os.kill(process.pid, signal.SIGKILL)  # the sweep alone: its cells must end by themselves
        process.wait()
    last = type_in(tmp_path / "killed", *words)
    assert last.returncode == 0, last.stdout
    expected, got = records(tmp_path / "alone"), records(tmp_path / "killed")
    assert expected.keys() == got.keys()
    for name, record in expected.items():
        same = ("status", "masks", "ranks", "last", "best", "best_on_test", "sparsity", "flops")
        assert [getattr(record, field) for field in same] == [
            getattr(got[name], field) for field in same
        ]
        texts = [json.dumps(record.identity.choices) for record in (record, got[name])]
        assert texts[0].replace("alone", "killed") == texts[1]


def test_a_stale_cell_is_counted_as_such_and_run_again_when_asked(tmp_path: Path) -> None:
    planned = plan(["seed=0,1,2", "logger=none", f"output={tmp_path}"], ROOT / "conf")
    stale, fresh, crashing = planned.runs
    for cell, by in ((stale, "old"), (fresh, fresh.draft.origin.fingerprint), (crashing, "old")):
        cell.folder.mkdir()
        who = replace(cell.draft.identity, started="2026-01-01T00:00:00+00:00")
        origin = replace(cell.draft.origin, fingerprint=by)
        made = replace(cell.draft, identity=who, status="finished", error=None, origin=origin)
        made.write(cell.folder / RECORD)

    def launch(cells: Sequence[Cell], on_end: OnEnd, _: tuple[str, ...]) -> None:
        assert [cell.folder for cell in cells] == [stale.folder, crashing.folder]
        replace(stale.draft, status="finished", error=None).write(stale.folder / RECORD)
        on_end(cells[0], 0)
        on_end(cells[1], -signal.SIGSEGV)

    left = sweep(planned, launch, (), rerun=None, progress=False)
    assert left.done == {"stale": 2, "skipped": 1}
    assert "2 stale, the code changed since; stale cells are run again with rerun=stale" in str(
        left
    )
    again = sweep(rerunning(planned), launch, (), rerun="stale", progress=False)
    assert +again.done == {"finished": 1, "skipped": 1, "failed": 1}
    assert read_record(crashing.folder / RECORD).done  # nothing is lost


def rerunning(planned: Plan) -> Plan:
    """The plan with rerun=stale typed."""
    typed = [replace(cell, choices={**cell.choices, "rerun": "stale"}) for cell in planned.cells]
    return replace(planned, cells=typed)


@pytest.mark.slow
def test_two_ratios_of_a_channel_method_share_one_training(tmp_path: Path) -> None:
    vgg = ["model=vgg11", "model.width=0.05", "method=slimming", "sparsity=0.3,0.5"]
    words = [word for word in TINY if not word.startswith("model=")]
    done = subprocess.run(
        [sys.executable, "run.py", "-m", *vgg, *words, f"output={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("digits-vgg11-slimming-*"))) == 2
    assert len(list(tmp_path.glob("trained-*"))) == 1
