"""The launcher of a SLURM cluster: submitit submits an array of jobs, one for each cell."""

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldpan.files import write_atomically
from goldpan.sweeps.cells import Cell
from goldpan.sweeps.launchers.launcher import FirstFailure, OnEnd
from goldpan.sweeps.launchers.private_folder import check_private, make_private
from goldpan.sweeps.launchers.remote import RemoteCell
from goldpan.sweeps.launchers.slurm_job import CellJob
from goldpan.sweeps.launchers.slurm_queue import ALIVE, Queue, job_states
from goldpan.sweeps.work import Resources

if TYPE_CHECKING:
    from submitit import AutoExecutor, Job

JOB = "slurm.job"
"""The file in a cell's folder that names its job, the folder of its files, and its start."""

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
        folder: for submitit's files, which hold pickles: one that only this user can change, on a
            file system that all machines see; None: the folder slurm in the output folder.
        additional: further options of sbatch, by their names.

    Raises ImportError without submitit, ValueError without SLURM's commands, for a wrong option, or
    for a folder that others can write.
    """
    if cluster not in ("slurm", "local"):
        raise ValueError(f"launcher.cluster is slurm or local, got {cluster}")
    if array_parallelism < 1:
        raise ValueError(f"launcher.array_parallelism is at least 1, got {array_parallelism}")
    place = Path(folder or cells[0].folder.parent / "slurm").absolute()
    make_private(place)
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
    except FirstFailure:
        for job in running:
            job.cancel(check=False)
        raise
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
        started = cell.draft.identity.started
        sent = {"job": job.job_id, "folder": str(executor.folder), "started": started}
        write_atomically(cell.folder / JOB, json.dumps(sent))
    return dict(zip(jobs, cells, strict=True))


def _attach(cells: Sequence[Cell]) -> "dict[Job[int], Cell]":
    """Return the jobs of an earlier command that are still in the queue, with their cells.

    Raises:
        ValueError: if others can write the folder of such a job.
    """
    from submitit import SlurmJob

    states = job_states() or {}
    jobs: dict[Job[int], Cell] = {}
    for cell in cells:
        sent = _read_sent(cell.folder / JOB)
        if sent and states.get(sent["job"]) in ALIVE:
            check_private(Path(sent["folder"]))
            # The record that the job may have written of a failure bears this start.
            who = replace(cell.draft.identity, started=sent["started"])
            cell = replace(cell, draft=replace(cell.draft, identity=who))
            jobs[SlurmJob[int](sent["folder"], sent["job"])] = cell
    return jobs


def _read_sent(path: Path) -> dict[str, str] | None:
    """What `_submit` wrote of a job; None if there is nothing, or something else."""
    try:
        sent = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    known = isinstance(sent, dict) and sent.keys() == {"job", "folder", "started"}
    return sent if known and all(isinstance(value, str) for value in sent.values()) else None
