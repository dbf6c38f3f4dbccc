"""A cell that is done on another machine, which sees the same files and has goldpan installed."""

import os
import sys
from dataclasses import dataclass

from goldpan.sweeps.cells import Cell
from goldpan.sweeps.work import Resources


@dataclass(frozen=True)
class RemoteCell:
    """A cell with its resources, and the working directory and import path of its sender."""

    cell: Cell
    resources: Resources
    directory: str
    path: tuple[str, ...]

    @classmethod
    def from_here(cls, cell: Cell, resources: Resources) -> "RemoteCell":
        """The cell as this process sends it."""
        return cls(cell, resources, os.getcwd(), tuple(sys.path))

    def enter(self) -> None:
        """Take the sender's working directory and import path for this process."""
        os.chdir(self.directory)
        sys.path += [folder for folder in self.path if folder not in sys.path]
