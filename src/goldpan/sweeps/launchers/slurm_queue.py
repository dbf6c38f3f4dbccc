"""How jobs of SLURM ended: by their results, or by its queue where they could leave none.

It asks squeue, never sacct, so that a cluster without accounting will do.
"""

import pickle
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from goldpan.sweeps.cells import Cell
from goldpan.sweeps.launchers.remote import lose
from goldpan.sweeps.work import FAILED

if TYPE_CHECKING:
    from submitit import Job

LAG = 30
"""Seconds that the result of an ended job may take to cross a network file system."""

ALIVE = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING"} | {
    f"REQUEUE{rest}" for rest in ("D", "_HOLD", "_FED")
}
"""States of a job that may yet have a result."""


class Queue:
    """Tells how jobs end: by their result, or by SLURM's queue if they can leave none."""

    def __init__(self, cluster: str) -> None:
        self.slurm, self.lag = (True, LAG) if cluster == "slurm" else (False, 0)
        self.states: dict[str, str] | None = None
        self.asked, self.pause = float("-inf"), 2.0
        self.ended: dict[str, float] = {}

    def look(self, folders: Iterable[Path]) -> None:
        """Make a network file system look anew at what lies in the folders."""
        for folder in folders:
            with suppress(OSError):
                folder.chmod(folder.stat().st_mode)

    def end(self, job: "Job[int]", cell: Cell) -> int | None:
        """The exit code of the cell; None while the job may yet have a result."""
        ended = self.slurm or job.done()  # a process of this machine outlives its result a little
        if ended and job.paths.result_pickle.exists():
            return _result(job, cell)
        state = self._state(job)
        if state is None or state in ALIVE:
            self.ended.pop(job.job_id, None)
        elif time.monotonic() - self.ended.setdefault(job.job_id, time.monotonic()) > self.lag:
            lose(cell, f"job {job.job_id} ended: {state}{_complaint(job)}")
            return FAILED
        return None

    def _state(self, job: "Job[int]") -> str | None:
        """What the queue says of the job; None if it cannot be asked."""
        if not self.slurm:
            return "RUNNING" if not job.done() else job.state
        if time.monotonic() - self.asked > self.pause:
            self.states = job_states()
            self.asked, self.pause = time.monotonic(), min(30, 1.2 * self.pause)
        return None if self.states is None else self.states.get(job.job_id, "it is not known")


def job_states() -> dict[str, str] | None:
    """Job -> state of one's own jobs, those that ended some minutes ago too; None: no answer."""
    command = ["squeue", "--me", "--states=all", "--array", "--noheader", "--format=%i %T"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        return None
    return dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())


def _complaint(job: "Job[int]") -> str:
    """The last error that SLURM wrote into the job's log, such as a memory limit."""
    log = job.stderr() or ""
    errors = [line.partition("error: ")[2] for line in log.splitlines() if "error: " in line]
    return f" ({errors[-1]})" if errors else ""


def _result(job: "Job[int]", cell: Cell) -> int:
    outcome, value = pickle.loads(job.paths.result_pickle.read_bytes())
    if outcome == "success":
        return int(value)
    lose(cell, f"job {job.job_id}: {str(value).strip().splitlines()[-1]}")
    return FAILED
