"""The launcher of a SLURM cluster: submitit submits an array of jobs, one for each cell."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldpan.sweeps.cells import Cell
from goldpan.sweeps.launchers.launcher import OnEnd
from goldpan.sweeps.launchers.remote import RemoteCell
from goldpan.sweeps.launchers.slurm_job import CellJob
from goldpan.sweeps.launchers.slurm_queue import ALIVE, Queue, job_states
from goldpan.sweeps.work import Resources

if TYPE_CHECKING:
    from submitit import AutoExecutor, Job

JOB = "slurm.job"
"""The file in a cell's folder that names its job and the folder of the job's files."""

NOTICE = 30
"""Seconds before its time limit at which SLURM warns a job, which then queues again."""


def slurm(
    cells: Sequence[Cell],
    on_end: OnEnd,
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

    A job at its time limit queues again, up to `requeues` times, and resumes from its checkpoint.
    Jobs outlive this process. The same command, typed again, waits for those still in the queue.

    Args:
        cluster: "slurm", or "local" to let submitit start processes on this machine instead.
        folder: for submitit's files, on a file system that all machines see; None: the folder
            slurm in the output folder.
        additional: further options of sbatch, by their names.

    Raises ImportError without submitit, ValueError without SLURM's commands or for a wrong option.
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
    resources = Resources(threads=cpus, command=command)
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
            running |= _submit(executor, new, resources)
            queue.refresh({job.paths.folder for job in running})
            for job, cell in [*running.items()]:
                if (code := queue.exit_code(job, cell)) is not None:
                    del running[job]
                    on_end(cell, code)
            time.sleep(1)  # `queue` asks SLURM less often; result files cost little to look at
    except KeyboardInterrupt:
        arrays = {job.job_id.split("_")[0] for job in running}
        print(
            f"{len(running)} jobs go on: {' '.join(sorted(arrays))}. Type the command again to "
            "wait for them, or end them with scancel"
        )
        raise


def _executor(folder: Path, cluster: str, requeues: int) -> "AutoExecutor":
    """Submitit's executor; raise ImportError or ValueError if it cannot work here."""
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


def _submit(
    executor: "AutoExecutor", cells: Sequence[Cell], resources: Resources
) -> "dict[Job[int], Cell]":
    """Submit the cells as one array, and write each cell's job into its folder."""
    from submitit.core.utils import FailedJobError

    if not cells:
        return {}
    try:
        with executor.batch():
            jobs = [
                executor.submit(CellJob(), RemoteCell.from_here(cell, resources)) for cell in cells
            ]
    except FailedJobError as error:
        raise ValueError(f"SLURM takes no such jobs: {str(error).splitlines()[-1]}") from error
    for job, cell in zip(jobs, cells, strict=True):
        cell.folder.mkdir(parents=True, exist_ok=True)
        (cell.folder / JOB).write_text(f"{job.job_id} {executor.folder}")
    return dict(zip(jobs, cells, strict=True))


def _attach(cells: Sequence[Cell]) -> "dict[Job[int], Cell]":
    """Return the jobs of an earlier command that are still in the queue, with their cells."""
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
