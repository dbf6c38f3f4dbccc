"""The launcher of one machine: a process for each cell, forked warm, so many at a time."""

import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess

from goldpan.sweeps.cells import Cell
from goldpan.sweeps.forkserver import nursery
from goldpan.sweeps.work import Room, entry, several_processes

Note = Callable[[Cell, int], None]
"""Told of each cell as it ends: its exit code, negative for the signal that killed it."""


def local(
    cells: Sequence[Cell],
    note: Note,
    command: tuple[str, ...],
    *,
    slots: int | None = None,
    gpus: Sequence[int | str] | None = None,
) -> None:
    """Run the cells on this machine, `slots` at a time, each in a process of its own.

    They are forked from one process that has imported torch and Lightning and read the data, so a
    cell begins in a few hundredths of a second and shares the memory of its images.

    Args:
        slots: cells at a time; None: one for each GPU, or for every two cores.
        gpus: one for each slot in turn; None: those that torch sees, if the cells ask for one.

    Raises:
        ValueError: if there is less than one slot, or no GPU for cells that ask for one.
    """
    rooms = _rooms(cells, slots, gpus, command)
    context = nursery(cells)
    waiting, running = deque(cells), dict[int, tuple[ForkServerProcess, Cell, Room]]()
    try:
        while waiting or running:
            while waiting and rooms:
                room, cell = rooms.pop(), waiting.popleft()
                process = context.Process(target=entry, args=(cell, room))
                process.start()
                running[process.sentinel] = process, cell, room
            for sentinel in wait(list(running)):
                process, cell, room = running.pop(int(sentinel))  # type: ignore[arg-type]
                process.join()
                rooms.append(room)
                note(cell, process.exitcode or 0)
    finally:
        for process, _, _ in running.values():
            process.terminate()
            process.join()


def _rooms(
    cells: Sequence[Cell],
    slots: int | None,
    gpus: Sequence[int | str] | None,
    command: tuple[str, ...],
) -> list[Room]:
    """What each slot may use; the cores are shared out where cells do not say their threads."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if gpus is None and any(cell.choices["strategy"]["accelerator"] == "gpu" for cell in cells):
        gpus = _visible_gpus()
    if slots is not None and not isinstance(slots, int):
        raise ValueError(f"launcher.slots is a whole number from 1 on; got {slots}")
    if gpus and any(several_processes(cell) for cell in cells):
        gpus = [",".join(map(str, gpus))]  # a cell of several processes takes them all
        slots = slots or 1
    slots = slots if slots is not None else len(gpus or ()) or max(1, (cores or 1) // 2)
    if slots < 1:
        raise ValueError(f"launcher.slots must be at least 1, got {slots}")
    threads = max(1, (cores or 1) // slots) if slots > 1 else None
    return [
        Room(threads, str(gpus[slot % len(gpus)]) if gpus else None, command)
        for slot in range(slots)
    ]


def _visible_gpus() -> list[int]:
    """The numbers of the GPUs here, without making a context on one."""
    import torch

    if count := torch.cuda.device_count():
        return list(range(count))
    raise ValueError("the strategy needs a GPU and torch sees none here; choose strategy=cpu")


def describe(code: int) -> str:
    """What the exit code of a process says, in a sentence."""
    if code >= 0:
        return f"its process ended with exit code {code}"
    name = signal.Signals(-code).name
    hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{hint}"
