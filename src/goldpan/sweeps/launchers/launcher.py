"""What all launchers share: how they report that a cell has ended, and how it failed."""

import signal
from collections.abc import Callable, Sequence
from dataclasses import replace

from goldpan.runs.experiment import write_failure
from goldpan.runs.record import RECORD, Record, read_record
from goldpan.runs.rerun import is_wanted
from goldpan.sweeps.cells import Cell
from goldpan.sweeps.work import DISK_FULL

OnEnd = Callable[[Cell, int], None]
"""Called with each cell that ends and its exit code, negative for the signal that killed it."""


class FirstFailure(Exception):
    """Raised by `OnEnd` where the first failed cell ends a sweep: a launcher ends what runs."""


Launcher = Callable[[Sequence[Cell], OnEnd, tuple[str, ...]], None]
"""Runs cells, and calls `OnEnd` for each.

The last argument is the command that runs a cell which starts several processes.
"""


def describe_exit(code: int) -> str:
    """Say in a sentence how a process ended, by its exit code."""
    if code == DISK_FULL:
        return "the disk of the output folder is full; free some space, or choose another output"
    if code >= 0:
        return f"its process ended with exit code {code}"
    name = signal.Signals(-code).name
    hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{hint}"


def record_failure(cell: Cell, sentence: str) -> Record:
    """Write the record of a cell that ended before it could do so; return it, written or not."""
    try:
        write_failure(cell.draft, cell.folder, sentence)
    except OSError as error:
        sentence += f"; and its record cannot be written ({error.strerror})"
        print(f"{cell.folder.name}: {sentence}")
        return replace(cell.draft, error=sentence)
    record = read_record(cell.folder / RECORD)
    if is_wanted(record, cell.draft, cell.choices.get("rerun")):
        return replace(cell.draft, error=sentence)  # a result that was to be made again is kept
    return record
