"""The launcher of a Ray cluster, or of this machine alone: each cell is a task of Ray."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from logging import WARNING
from textwrap import shorten
from types import ModuleType
from typing import Any

from goldpan.sweeps.cells import Cell
from goldpan.sweeps.launchers.launcher import FirstFailure, OnEnd, record_failure
from goldpan.sweeps.launchers.remote import RemoteCell
from goldpan.sweeps.work import FAILED, Resources, work

LENGTH = 300
"""Characters that are kept of Ray's message on a lost worker; a page of advice follows them."""

GB = 2**30
"""Bytes."""


def on_ray(
    cells: Sequence[Cell],
    on_end: OnEnd,
    command: tuple[str, ...],
    *,
    address: str | None = None,
    cpus: int = 1,
    gpus: float = 0,
    mem_gb: float | None = None,
) -> None:
    """Run the cells as tasks of Ray, each in a worker of its own, as many at a time as fit.

    They end if this process ends. No cell is tried twice.

    Args:
        address: "auto" or HOST:PORT of a running cluster, whose machines see the same files and
            have goldpan installed; None: this machine alone, for as long as the sweep takes.
        cpus: of a cell; its threads, unless its strategy says otherwise.
        gpus: of a cell; a half lets two cells share one.
        mem_gb: of a cell; Ray starts no more cells than fit, but a cell may use more. On a machine
            that is short of memory Ray ends several workers, not only the largest.

    Raises ImportError if Ray is not installed, ValueError if there is no cluster at the address or
    a cell does not fit on this machine.
    """
    resources = Resources(threads=cpus, command=command)
    with _cluster(address) as ray:
        memory = int((mem_gb or 0) * GB)
        _check_fit(ray, address, {"CPU": cpus, "GPU": gpus, "memory": memory})
        # One call for each worker: what a cell leaves in its process reaches no other cell.
        as_task = ray.remote(
            num_cpus=cpus, num_gpus=gpus, memory=memory, max_calls=1, max_retries=0
        )
        task = as_task(_do)
        running = {task.remote(RemoteCell.from_here(cell, resources)): cell for cell in cells}
        try:
            while running:
                for done in ray.wait(list(running))[0]:
                    cell = running.pop(done)
                    on_end(cell, _result(ray, done, cell))
        except FirstFailure:
            for task in running:
                ray.cancel(task, force=True)
            raise


def _do(remote: RemoteCell) -> int:
    """Do the cell in the worker itself, so that Ray sees the memory that it takes."""
    remote.enter()
    return work(remote.cell, remote.resources)


def _result(ray: ModuleType, done: Any, cell: Cell) -> int:
    """Return the cell's exit code; if its worker was lost, record why."""
    try:
        return int(ray.get(done))
    except ray.exceptions.RayError as error:
        reason = " ".join(str(error).split())
        record_failure(cell, f"Ray says: {shorten(reason, LENGTH)}")
        return FAILED


@contextmanager
def _cluster(address: str | None) -> Iterator[ModuleType]:
    """Join the cluster, and leave it at the end; if this process had joined before, stay."""
    try:
        import ray
    except ImportError as error:
        raise ImportError("launcher=ray needs ray: pip install -e '.[ray]'") from error
    if ray.is_initialized():
        yield ray
        return
    own: dict[str, Any] = {"address": "local", "include_dashboard": False}
    try:
        ray.init(
            **(own if address is None else {"address": address}),
            log_to_driver=False,
            logging_level=WARNING,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"there is no Ray cluster at launcher.address={address}: {error}; one that asks "
            "for a token needs RAY_AUTH_MODE=token in the environment"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_fit(ray: ModuleType, address: str | None, needed: Mapping[str, float]) -> None:
    """Print that no machine is large enough for a cell: Ray waits for one and says nothing.

    Raises ValueError if this machine is the only one, so that waiting is in vain.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if any(all(m.get(name, 0) >= need for name, need in needed.items()) for m in machines):
        return
    asked, *there = (
        f"{m.get('CPU', 0):g} CPU, {m.get('GPU', 0):g} GPU and {m.get('memory', 0) / GB:.1f} GB"
        for m in (needed, *machines)
    )
    sentence = f"a cell asks Ray for {asked}; there are machines of {'; '.join(there)}"
    if address is None:
        raise ValueError(sentence)
    print(f"{sentence}; waiting for a larger one")
