"""The launcher of a SLURM cluster, by submitit: an array of jobs, one a cell."""

import os
import signal
import time
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldpan.runs.experiment import TERMINATED
from goldpan.sweeps.cells import Cell
from goldpan.sweeps.launchers.local import Note
from goldpan.sweeps.launchers.remote import Errand, errand
from goldpan.sweeps.launchers.slurm_queue import ALIVE, Queue, job_states
from goldpan.sweeps.work import Room, entry

if TYPE_CHECKING:
    from submitit import AutoExecutor, Job
    from submitit.core.utils import DelayedSubmission

JOB = "slurm.job"
"""In a cell's folder: the job that does it and the folder of that job's files."""

NOTICE = 30
"""Seconds before its time limit at which a job is told, so that it queues up again."""

KILL_WAIT = 60
"""Seconds in which SLURM ends a job whose processes it has told to end (its KillWait is 30)."""


def slurm(
    cells: Sequence[Cell],
    note: Note,
    command: tuple[str, ...],
    *,
    cluster: str = "slurm",
    folder: str | None = None,
    timeout_min: int = 240,
    requeues: int = 3,
    cpus: int = 1,
    gpus: int = 0,
    mem_gb: float | None = None,
    partition: str | None = None,
    array_parallelism: int = 64,
    additional: Mapping[str, Any] | None = None,
) -> None:
    """Run the cells as jobs of SLURM, at most `array_parallelism` at a time.

    A job at its time limit queues up again, `requeues` times, and goes on from its checkpoint.
    Jobs outlive this process: if it runs again, it waits for those that are still in the queue.

    Args:
        cluster: "slurm", or "local" for processes of this machine that submitit treats alike.
        folder: where submitit's files lie, on a file system that all machines see; None: slurm in
            the output folder.
        additional: further options of sbatch, by their names.

    Raises:
        ImportError, ValueError: if submitit or SLURM's commands are not here, or an option is bad.
    """
    if cluster not in ("slurm", "local"):
        raise ValueError(f"launcher.cluster is slurm or local, got {cluster}")
    if array_parallelism < 1:
        raise ValueError(f"launcher.array_parallelism is at least 1, got {array_parallelism}")
    place = Path(folder or cells[0].folder.parent / "slurm").absolute()
    executor = _executor(place, cluster, requeues)
    executor.update_parameters(
        name="goldpan",
        timeout_min=timeout_min,
        cpus_per_task=cpus,
        gpus_per_node=gpus,
        **({} if mem_gb is None else {"mem_gb": mem_gb}),
        **({} if partition is None else {"slurm_partition": partition}),
        slurm_array_parallelism=array_parallelism,
        slurm_signal_delay_s=NOTICE,
        slurm_additional_parameters=dict(additional or {}),
    )
    room = Room(threads=cpus, command=command)
    if cluster == "slurm":
        running = _attach(cells)
        attached = {cell.folder for cell in running.values()}
        waiting = deque(cell for cell in cells if cell.folder not in attached)
        limit = len(cells)
    else:
        running, waiting, limit = {}, deque(cells), array_parallelism
    queue = Queue(cluster)
    try:
        while waiting or running:
            new = [waiting.popleft() for _ in range(min(limit - len(running), len(waiting)))]
            running |= _submit(executor, new, room)
            queue.look({job.paths.folder for job in running})
            for job, cell in [*running.items()]:
                if (code := queue.end(job, cell)) is not None:
                    del running[job]
                    note(cell, code)
            time.sleep(1)
    except KeyboardInterrupt:
        arrays = {job.job_id.split("_")[0] for job in running}
        print(
            f"{len(running)} jobs go on: {' '.join(sorted(arrays))}. Type the command again to "
            "wait for them, or end them with scancel"
        )
        raise


class CellJob:
    """What a job does: its cell, in a process of its own."""

    def __call__(self, errand: Errand) -> int:
        errand.arrive()
        process = get_context("spawn").Process(target=_entry, args=(errand.cell, errand.room))
        process.start()
        try:
            process.join()
        finally:
            if process.is_alive():
                process.terminate()
                process.join()
        if process.exitcode in (-signal.SIGTERM, TERMINATED):
            time.sleep(KILL_WAIT)  # SLURM ends or requeues this job, and its queue says why
        return process.exitcode or 0

    def checkpoint(self, errand: Errand) -> "DelayedSubmission":
        """At the time limit: the same again, which goes on from the cell's last epoch."""
        from submitit.core.utils import DelayedSubmission

        return DelayedSubmission(self, errand)


def _entry(cell: Cell, room: Room) -> None:
    """The cell's own process: what SLURM says is for the job, and Lightning is not to heed it."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        del os.environ[name]
    warnings.filterwarnings("ignore", message="The `srun` command is available")
    entry(cell, room)


def _executor(folder: Path, cluster: str, requeues: int) -> "AutoExecutor":
    try:
        from submitit import AutoExecutor
    except ImportError as error:
        raise ImportError("launcher=slurm needs submitit: pip install -e '.[slurm]'") from error
    try:
        return AutoExecutor(folder, cluster, slurm_max_num_timeout=requeues)
    except RuntimeError as error:
        raise ValueError(
            "launcher=slurm needs SLURM's commands, and there is no srun here; "
            "launcher.cluster=local tries it on this machine"
        ) from error


def _submit(executor: "AutoExecutor", cells: Sequence[Cell], room: Room) -> "dict[Job[int], Cell]":
    """Submit the cells as one array, and note each cell's job in its folder."""
    from submitit.core.utils import FailedJobError

    if not cells:
        return {}
    try:
        with executor.batch():
            jobs = [executor.submit(CellJob(), errand(cell, room)) for cell in cells]
    except FailedJobError as error:
        raise ValueError(f"SLURM takes no such jobs: {str(error).splitlines()[-1]}") from error
    for job, cell in zip(jobs, cells, strict=True):
        cell.folder.mkdir(parents=True, exist_ok=True)
        (cell.folder / JOB).write_text(f"{job.job_id} {executor.folder}")
    return dict(zip(jobs, cells, strict=True))


def _attach(cells: Sequence[Cell]) -> "dict[Job[int], Cell]":
    """The jobs of an earlier command that are still in the queue."""
    from submitit import SlurmJob

    states = job_states() or {}
    jobs: dict[Job[int], Cell] = {}
    for cell in cells:
        if (path := cell.folder / JOB).exists():
            job_id, folder = path.read_text().split(" ", 1)
            if states.get(job_id) in ALIVE:
                job = SlurmJob[int](folder, job_id)
                (sent,) = job.submission().args
                jobs[job] = sent.cell
    return jobs
