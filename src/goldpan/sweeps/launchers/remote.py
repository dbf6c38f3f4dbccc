"""A cell on another machine, which sees the same files and has goldpan installed."""

import os
import sys
from dataclasses import dataclass, replace

from goldpan.runs.experiment import fail
from goldpan.runs.record import RECORD, Record, read_record
from goldpan.sweeps.cells import Cell
from goldpan.sweeps.work import Room


@dataclass(frozen=True)
class Errand:
    """A cell with its room, and the folder and import path of the process that sends it."""

    cell: Cell
    room: Room
    home: str
    path: tuple[str, ...]

    def arrive(self) -> None:
        """Make this process find files and modules as the one that sent the cell does."""
        os.chdir(self.home)
        sys.path += [folder for folder in self.path if folder not in sys.path]


def errand(cell: Cell, room: Room) -> Errand:
    """The cell, to be done elsewhere as it would be here."""
    return Errand(cell, room, os.getcwd(), tuple(sys.path))


def lose(cell: Cell, sentence: str) -> Record:
    """Note why the cell did not end, which it could not do itself; the record, written or not."""
    try:
        fail(cell.draft, cell.folder, sentence)
    except OSError as error:
        sentence += f"; and its record cannot be written ({error.strerror})"
        print(f"{cell.folder.name}: {sentence}")
        return replace(cell.draft, error=sentence)
    return read_record(cell.folder / RECORD)
