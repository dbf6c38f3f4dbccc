"""What squeue says of jobs, as a script of this test answers in its place."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from goldpan.runs.record import RECORD, read_record
from goldpan.sweeps.cells import plan
from goldpan.sweeps.launchers.slurm_queue import LAG, Queue, job_states
from goldpan.sweeps.work import FAILED

CONF = Path(__file__).parents[3] / "conf"


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """answer("7 RUNNING") is what squeue answers from now on, with an exit code."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def answers(line: str, code: int = 0) -> None:
        script = tmp_path / "squeue"
        script.write_text(f"#!/bin/sh\necho {line}\nexit {code}\n")
        script.chmod(0o755)

    return answers


def job(folder: Path, log: str = "") -> Any:
    paths = SimpleNamespace(result_pickle=folder / "result.pkl")
    return SimpleNamespace(job_id="7", paths=paths, stderr=lambda: log)


def test_a_queue_that_does_not_answer_has_no_states(answer: Callable[..., None]) -> None:
    answer("7 RUNNING", code=1)
    assert job_states() is None
    answer("7 RUNNING")
    assert job_states() == {"7": "RUNNING"}


@pytest.mark.parametrize(("line", "code"), [("7 RUNNING", 0), ("7 REQUEUED", 0), ("7 FAILED", 1)])
def test_a_job_that_may_still_write_a_result_has_no_exit_code(
    line: str, code: int, answer: Callable[..., None], tmp_path: Path
) -> None:
    (cell,) = plan(["logger=none", f"output={tmp_path}"], CONF).runs
    answer(line, code)
    assert Queue("slurm").exit_code(job(tmp_path), cell) is None


def test_a_job_that_ended_has_time_for_its_result_to_arrive(
    answer: Callable[..., None], tmp_path: Path
) -> None:
    (cell,) = plan(["logger=none", f"output={tmp_path}"], CONF).runs
    answer("7 OUT_OF_MEMORY")
    queue = Queue("slurm")
    lost = job(tmp_path, "slurmstepd: error: Exceeded job memory limit\n")
    assert queue.exit_code(lost, cell) is None
    queue.ended["7"] -= LAG + 1
    assert queue.exit_code(lost, cell) == FAILED
    error = read_record(cell.folder / RECORD).error
    assert error == "job 7 ended: OUT_OF_MEMORY (Exceeded job memory limit)"
