"""A cell on another machine, which sees the same files and has goldpan installed."""

import os
import sys
from dataclasses import dataclass

from goldpan.experiment import fail
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


def lose(cell: Cell, sentence: str) -> None:
    """Note in the record why the cell did not end, which its machine could not do itself."""
    try:
        fail(cell.draft, cell.folder, sentence)
    except OSError as error:
        print(f"{cell.folder.name}: {sentence}; its record cannot be written ({error.strerror})")
