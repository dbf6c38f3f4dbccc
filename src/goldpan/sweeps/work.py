"""One cell of a sweep, done in a process of its own, so that no cell can harm another."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import wait

from filelock import Timeout
from omegaconf import OmegaConf

from goldpan.runs.experiment import TERMINATED, perform, write_failure
from goldpan.runs.refusal import Refusal
from goldpan.sweeps.cells import Cell
from goldpan.sweeps.composing import PLAIN

LOG = "log.txt"
"""The file in a cell's folder that has what the cell printed."""

BUSY = 75
"""The exit code if another process is doing the cell."""

FAILED = 1
"""The exit code if the cell failed."""

DISK_FULL = 74
"""The exit code if the cell failed because its files found no room."""

GRACE = 2
"""Seconds that a cell has to end by itself after its sweep has ended."""


COMMAND = sys.executable, "-m", "goldpan.command"
"""The command `goldpan`, wherever it is installed."""


@dataclass(frozen=True)
class Resources:
    """What a cell may use, and the command for a cell that starts several processes.

    `threads` counts if the cell's strategy does not say; `gpu` is one number, or several with
    commas.
    """

    threads: int | None = None
    gpu: str | None = None
    command: tuple[str, ...] = COMMAND


def work(cell: Cell, resources: Resources) -> int:
    """Do the cell and return an exit code; the record and the log say why a cell failed.

    What the cell prints goes to its log. It ends if the process that started it ends.
    """
    _end_with_parent()
    cell.folder.mkdir(parents=True, exist_ok=True)
    with (cell.folder / LOG).open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    if resources.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = resources.gpu
    if resources.threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(resources.threads)
    try:
        if several_processes(cell):
            return _run_command(cell, resources)
        cfg = OmegaConf.create(dict(cell.choices))
        if resources.threads is not None and cfg.strategy.threads is None:
            cfg.strategy.threads = resources.threads
        perform(cfg, cell.draft, cell.folder, wait=False)
    except Timeout:
        return BUSY  # another process has the lock of the cell's folder
    except Refusal as error:
        print(error)
        write_failure(cell.draft, cell.folder, str(error))
        return FAILED
    except Exception as error:
        with suppress(OSError):
            traceback.print_exc()  # perform has written the record
        if not _disk_is_full(error):
            return FAILED
        # The log takes no more either, and what Python cannot flush would become its exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        return DISK_FULL
    return 0


def _disk_is_full(error: BaseException | None) -> bool:
    """Whether this error, or one that it came from, is for want of room on a disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


def several_processes(cell: Cell) -> bool:
    """Whether Lightning will start further processes, each with this one's command line."""
    strategy = cell.choices["strategy"]
    return str(strategy["devices"]) not in ("1", "auto") or "ddp" in str(strategy["strategy"])


def _run_command(cell: Cell, resources: Resources) -> int:
    """Do the cell by a command of its own: Lightning starts the other ranks by repeating it."""
    words = [*resources.command, *cell.overrides, *PLAIN]
    # SIGTERM must raise here, or `finally` does not run. The command is a session of its own, and
    # SIGKILL ends its whole process group: ranks that wait for a lost rank end by nothing else.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))
    with subprocess.Popen(words, start_new_session=True) as process:
        try:
            return process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _end_with_parent() -> None:
    """Exit when the process that started this one ends: a killed sweep leaves no process behind."""
    parent = parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)  # `_run_command` ends all ranks of a cell
        time.sleep(GRACE)
        # Lightning looks at SIGTERM only between two batches, so a cell that decodes images or
        # scores weights would work on. This is not the main thread, where sys.exit would end the
        # thread alone; records and checkpoints are written atomically, so nothing is left half.
        os._exit(TERMINATED)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


def entry(cell: Cell, resources: Resources) -> None:
    """The main function of a cell's process: `work`, with its exit code."""
    sys.exit(work(cell, resources))
