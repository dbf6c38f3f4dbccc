"""One cell of a sweep in a process of its own: nothing it does reaches the others."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import wait

from filelock import Timeout
from omegaconf import OmegaConf

from goldpan.runs.experiment import TERMINATED, fail, perform
from goldpan.runs.refusal import Refusal
from goldpan.sweeps.cells import Cell
from goldpan.sweeps.composing import PLAIN

LOG = "log.txt"
"""What a cell printed, in its folder."""

BUSY = 75
"""The exit code of a cell that another process is at."""

FAILED = 1

GRACE = 2
"""Seconds that a cell has to end by itself when its sweep is gone."""


@dataclass(frozen=True)
class Room:
    """What a cell may use: threads, if its strategy does not say, and a GPU by its number."""

    threads: int | None = None
    gpu: str | None = None
    command: tuple[str, ...] = (sys.executable, "run.py")


def work(cell: Cell, room: Room) -> int:
    """Do the cell and return an exit code; why it failed stands in its record and its log.

    What it prints goes to the log. It ends with the process that started it.
    """
    _end_with_parent()
    cell.folder.mkdir(parents=True, exist_ok=True)
    with (cell.folder / LOG).open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    if room.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = room.gpu
    if room.threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(room.threads)
    try:
        if several_processes(cell):
            return _command(cell, room)
        cfg = OmegaConf.create(dict(cell.choices))
        if room.threads is not None and cfg.strategy.threads is None:
            cfg.strategy.threads = room.threads
        perform(cfg, cell.draft, cell.folder, wait=False)
    except Timeout:
        return BUSY
    except Refusal as error:
        print(error)
        fail(cell.draft, cell.folder, str(error))
        return FAILED
    except Exception:
        traceback.print_exc()  # perform has written the record
        return FAILED
    return 0


def several_processes(cell: Cell) -> bool:
    """Whether Lightning will start further processes, each with this one's command line."""
    strategy = cell.choices["strategy"]
    return str(strategy["devices"]) not in ("1", "auto") or "ddp" in str(strategy["strategy"])


def _command(cell: Cell, room: Room) -> int:
    """The cell by a command line of its own, which Lightning's other processes repeat."""
    words = [*room.command, *cell.overrides, *PLAIN]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))
    with subprocess.Popen(words, start_new_session=True) as process:
        try:
            return process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _end_with_parent() -> None:
    """Exit when the process that started this one is gone: a killed sweep leaves nothing behind."""
    parent = parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)  # a cell of several processes ends them all
        time.sleep(GRACE)
        os._exit(TERMINATED)  # Lightning heeds SIGTERM only between two batches

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


def entry(cell: Cell, room: Room) -> None:
    """`work`, as the main function of a process."""
    sys.exit(work(cell, room))
