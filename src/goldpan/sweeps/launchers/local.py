"""The launcher of one machine: each cell is a process, and so many run at a time."""

import os
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess

from goldpan.sweeps.cells import Cell
from goldpan.sweeps.forkserver import start_forkserver
from goldpan.sweeps.launchers.launcher import OnEnd
from goldpan.sweeps.work import Resources, entry, several_processes

SMALL = 64
"""Pixels of a small image's side: Tiny ImageNet's, and all that are smaller."""


def local(
    cells: Sequence[Cell],
    on_end: OnEnd,
    command: tuple[str, ...],
    *,
    slots: int | None = None,
    gpus: Sequence[int | str] | None = None,
) -> None:
    """Run the cells on this machine, `slots` at a time, each in a process of its own.

    The processes are forked from one that has imported torch and Lightning and read the data, so a
    cell starts in a few hundredths of a second, and all cells share the memory of the images.

    Args:
        slots: cells at a time; None: two for each GPU if all images are small, else one; without
            GPUs one for every two cores.
        gpus: one for each slot in turn; None: those that torch sees, if the cells need one.

    Raises ValueError if there is less than one slot, or no GPU for cells that need one.
    """
    free = _resources_by_slot(cells, slots, gpus, command)
    context = start_forkserver(cells)
    waiting, running = deque(cells), dict[int, tuple[ForkServerProcess, Cell, Resources]]()
    try:
        while waiting or running:
            while waiting and free:
                resources, cell = free.pop(), waiting.popleft()
                process = context.Process(target=entry, args=(cell, resources))
                process.start()
                running[process.sentinel] = process, cell, resources
            for sentinel in wait(list(running)):
                process, cell, resources = running.pop(int(sentinel))  # type: ignore[arg-type]
                process.join()
                free.append(resources)
                on_end(cell, process.exitcode or 0)
    finally:
        for process, _, _ in running.values():
            process.terminate()
            process.join()


def _resources_by_slot(
    cells: Sequence[Cell],
    slots: int | None,
    gpus: Sequence[int | str] | None,
    command: tuple[str, ...],
) -> list[Resources]:
    """The resources of each slot; the cores are divided among cells that set no threads."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if gpus is None and any(cell.choices["strategy"]["accelerator"] == "gpu" for cell in cells):
        gpus = _visible_gpus()
    if slots is not None and not isinstance(slots, int):
        raise ValueError(f"launcher.slots is a whole number from 1 on; got {slots}")
    if gpus and any(several_processes(cell) for cell in cells):
        gpus = [",".join(map(str, gpus))]  # a cell of several processes takes them all
        slots = slots or 1
    if slots is None:
        slots = _slots_of_gpus(cells, len(gpus), cores or 1) if gpus else max(1, (cores or 1) // 2)
    if slots < 1:
        raise ValueError(f"launcher.slots must be at least 1, got {slots}")
    threads = max(1, (cores or 1) // slots) if slots > 1 else None
    return [
        Resources(threads, str(gpus[slot % len(gpus)]) if gpus else None, command)
        for slot in range(slots)
    ]


def _slots_of_gpus(cells: Sequence[Cell], gpus: int, cores: int) -> int:
    """Two cells a GPU where images are small and cores are enough, else one.

    A step of a small network is over before the processor has started the next one's kernels, so a
    second cell fills the GPU's pauses.
    """
    from goldpan.data.datasets import find_spec

    sizes = [find_spec(cell.choices["dataset"]["name"]).size for cell in cells]
    are_small = all(size is not None and size <= SMALL for size in sizes)
    return 2 * gpus if are_small and cores >= 2 * gpus else gpus


def _visible_gpus() -> list[int]:
    """The numbers of the GPUs here; torch counts them without opening a context on one."""
    import torch

    if count := torch.cuda.device_count():
        return list(range(count))
    raise ValueError("the strategy needs a GPU and torch sees none here; choose strategy=cpu")
