"""What a job of SLURM does on the machine that it gets: one cell, in a process of its own."""

import json
import os
import signal
import time
import warnings
from collections.abc import Mapping
from multiprocessing import get_context
from typing import TYPE_CHECKING

from goldpan.files import write_atomically
from goldpan.runs.experiment import TERMINATED
from goldpan.sweeps.cells import Cell
from goldpan.sweeps.launchers.remote import RemoteCell
from goldpan.sweeps.launchers.slurm_queue import result_file
from goldpan.sweeps.work import Resources, entry

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

KILL_WAIT = 60
"""Seconds after which SLURM has surely killed a job that got SIGTERM (its KillWait is 30)."""


class CellJob:
    """What a job does: it runs its cell in a process of its own, and leaves how that ended."""

    def __call__(self, remote: RemoteCell) -> int:
        """Return the cell's exit code."""
        try:
            code = _run(remote)
        except Exception as error:  # such as submitit's after the last time limit
            _leave({"error": str(error) or type(error).__name__})
            raise
        _leave({"code": code})
        return code

    def checkpoint(self, remote: RemoteCell) -> "DelayedSubmission":
        """Return what to submit at the time limit: the same, which resumes from the last epoch."""
        from submitit.core.utils import DelayedSubmission

        return DelayedSubmission(self, remote)


def _run(remote: RemoteCell) -> int:
    """Do the cell and return its exit code."""
    remote.enter()
    process = get_context("spawn").Process(target=_entry, args=(remote.cell, remote.resources))
    process.start()
    try:
        process.join()
    finally:
        if process.is_alive():
            process.terminate()
            process.join()
    if process.exitcode in (-signal.SIGTERM, TERMINATED):
        # SIGTERM came from SLURM: it is about to kill or requeue this job. A result now would
        # call the cell interrupted; without one, the queue says why SLURM ended the job.
        time.sleep(KILL_WAIT)
    return process.exitcode or 0


def _leave(result: Mapping[str, int | str]) -> None:
    """Write how the cell ended, as data: the pickle that submitit writes is never opened."""
    from submitit import JobEnvironment

    write_atomically(result_file(JobEnvironment().paths), json.dumps(result))


def _entry(cell: Cell, resources: Resources) -> None:
    """The main function of a cell's process, which hides SLURM from Lightning.

    The job answers SLURM's warning. Lightning would take the variables for a training on several
    machines, and requeue the job itself.
    """
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        del os.environ[name]
    warnings.filterwarnings("ignore", message="The `srun` command is available")
    entry(cell, resources)
