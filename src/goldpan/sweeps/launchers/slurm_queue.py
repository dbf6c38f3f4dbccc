"""How jobs of SLURM ended: their result files say so, or SLURM's queue if they left none.

This asks squeue, never sacct, so it works on a cluster without accounting.
"""

import json
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from goldpan.sweeps.cells import Cell
from goldpan.sweeps.launchers.launcher import record_failure
from goldpan.sweeps.work import FAILED

if TYPE_CHECKING:
    from submitit import Job
    from submitit.core.utils import JobPaths

LAG = 30
"""Seconds after the end of a job until its result is seen on a network file system."""

ALIVE = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING"} | {
    f"REQUEUE{rest}" for rest in ("D", "_HOLD", "_FED")
}
"""States of a job that may still write its result."""


class Queue:
    """Knows whether jobs have ended and how, from their results or from SLURM's queue."""

    def __init__(self, cluster: str) -> None:
        self.slurm, self.lag = (True, LAG) if cluster == "slurm" else (False, 0)
        self.states: dict[str, str] | None = None
        self.asked, self.pause = float("-inf"), 2.0
        self.ended: dict[str, float] = {}

    def refresh(self, folders: Iterable[Path]) -> None:
        """Make a network file system list these folders anew."""
        # NFS remembers for a while that a file does not exist; a changed attribute of its folder
        # ends that.
        for folder in folders:
            with suppress(OSError):
                folder.chmod(folder.stat().st_mode)

    def exit_code(self, job: "Job[int]", cell: Cell) -> int | None:
        """Return the exit code of the cell; None while the job may still write a result."""
        # On this machine the job's process ends a little after it has written its result. Only then
        # is its place free for another.
        ended = self.slurm or job.done()
        if ended and result_file(job.paths).exists():
            return _result(job, cell)
        state = self._state(job)
        if state is None or state in ALIVE:
            self.ended.pop(job.job_id, None)
        # The result may be on its way: only a job that has been at its end for `lag` left none.
        elif time.monotonic() - self.ended.setdefault(job.job_id, time.monotonic()) > self.lag:
            record_failure(cell, f"job {job.job_id} ended: {state}{_complaint(job)}")
            return FAILED
        return None

    def _state(self, job: "Job[int]") -> str | None:
        """The state of the job in the queue; None if the queue does not answer."""
        if not self.slurm:
            return "RUNNING" if not job.done() else job.state
        # One question covers all jobs, and the pause grows to half a minute: squeue is a load on
        # the cluster's controller.
        if time.monotonic() - self.asked > self.pause:
            self.states = job_states()
            self.asked, self.pause = time.monotonic(), min(30, 1.2 * self.pause)
        return None if self.states is None else self.states.get(job.job_id, "it is not known")


def job_states() -> dict[str, str] | None:
    """Return job -> state, also of those just ended; None if the queue does not answer."""
    command = ["squeue", "--me", "--states=all", "--array", "--noheader", "--format=%i %T"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        return None
    return dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())


def result_file(paths: "JobPaths") -> Path:
    """The file in which a job leaves how its cell ended."""
    return Path(paths.result_pickle).with_suffix(".json")


def _complaint(job: "Job[int]") -> str:
    """The last error in the job's log, such as a memory limit, in parentheses; "" for none."""
    lines = [line for line in (job.stderr() or "").splitlines() if "rror: " in line]
    return f" ({lines[-1].partition(' error: ')[2] or lines[-1]})" if lines else ""


def _result(job: "Job[int]", cell: Cell) -> int:
    """The exit code that a job left; if it failed outside its cell, record why."""
    try:
        result = json.loads(result_file(job.paths).read_text())
        if isinstance(code := result.get("code"), int):
            return code
        reason = str(result["error"])
    except (OSError, ValueError, KeyError, AttributeError):
        reason = f"{result_file(job.paths)} is not what a job leaves"
    record_failure(cell, f"job {job.job_id}: {reason}")
    return FAILED
