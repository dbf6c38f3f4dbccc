"""The launcher of a Ray cluster, or of this machine as one: a task of Ray for each cell."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from logging import WARNING
from textwrap import shorten
from types import ModuleType
from typing import Any

from goldpan.sweeps.cells import Cell
from goldpan.sweeps.launchers.local import Note
from goldpan.sweeps.launchers.remote import Errand, errand, lose
from goldpan.sweeps.work import FAILED, Room, work

LENGTH = 300
"""Characters of what Ray says of a lost worker; after them come a page of advice."""

GB = 2**30
"""Bytes."""


def on_ray(
    cells: Sequence[Cell],
    note: Note,
    command: tuple[str, ...],
    *,
    address: str | None = None,
    cpus: int = 1,
    gpus: float = 0,
    mem_gb: float | None = None,
) -> None:
    """Run the cells as tasks of Ray, each in a worker of its own, as many as there is room for.

    They end with this process; none is tried twice.

    Args:
        address: "auto" or HOST:PORT of a running cluster, whose machines see the same files and
            have goldpan installed; None: this machine alone, for as long as the sweep takes.
        cpus: of a cell; its threads, unless its strategy says otherwise.
        gpus: of a cell; a half lets two share one.
        mem_gb: of a cell; keeps Ray from starting more than fit, it is no limit. A machine short of
            memory loses several workers to Ray, not the greedy one alone.

    Raises:
        ImportError: if Ray is not installed.
        ValueError: if there is no cluster at the address, or this machine alone has no such room.
    """
    room = Room(threads=cpus, command=command)
    with _cluster(address) as ray:
        memory = int((mem_gb or 0) * GB)
        _check_room(ray, address, {"CPU": cpus, "GPU": gpus, "memory": memory})
        room_for = ray.remote(
            num_cpus=cpus, num_gpus=gpus, memory=memory, max_calls=1, max_retries=0
        )
        task = room_for(_do)
        running = {task.remote(errand(cell, room)): cell for cell in cells}
        while running:
            for done in ray.wait(list(running))[0]:
                cell = running.pop(done)
                note(cell, _result(ray, done, cell))


def _do(errand: Errand) -> int:
    """The task: the cell, in this worker itself, so that Ray sees the memory that it takes."""
    errand.arrive()
    return work(errand.cell, errand.room)


def _result(ray: ModuleType, done: Any, cell: Cell) -> int:
    """The exit code of the cell, or why its worker could not tell it."""
    try:
        return int(ray.get(done))
    except ray.exceptions.RayError as error:
        reason = " ".join(str(error).split())
        lose(cell, f"Ray says: {shorten(reason, LENGTH)}")
        return FAILED


@contextmanager
def _cluster(address: str | None) -> Iterator[ModuleType]:
    """Ray, joined to the cluster and left again; one that was joined before stays so."""
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


def _check_room(ray: ModuleType, address: str | None, needed: Mapping[str, float]) -> None:
    """Say that no machine can take a cell, for which Ray waits without a word.

    Raises:
        ValueError: if this machine is the only one there will be.
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
