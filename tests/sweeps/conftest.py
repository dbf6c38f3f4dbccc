"""Cells of a small sweep, and what their runs would write."""

from dataclasses import replace
from pathlib import Path

import pytest

from goldpan.files import write_rows
from goldpan.runs.provenance import processor
from goldpan.runs.record import CHECKPOINT, CONFIG, CURVE, RECORD
from goldpan.runs.results import Costs
from goldpan.sweeps.cells import Cell, plan

CONF = Path(__file__).parents[2] / "conf"


class Cells:
    """Plans cells in a folder, and writes what their runs would; a training has 10 epochs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str) -> list[Cell]:
        """The cells of a sweep with these words typed."""
        return plan(["logger=none", f"output={self.folder}", *words], CONF).runs

    @staticmethod
    def finish(cell: Cell, seconds: float, **hardware: str) -> None:
        """Write the record of a run that took so long on this machine, but for `hardware`."""
        cell.folder.mkdir(exist_ok=True)
        costs = Costs({"training": seconds - 1, "evaluation": 1.0}, 1, 1, "")
        origin = replace(cell.draft.origin, hardware=processor() | hardware)
        record = replace(cell.draft, status="finished", error=None, costs=costs, origin=origin)
        record.write(cell.folder / RECORD)

    @staticmethod
    def begin(cell: Cell) -> None:
        """Write what a run writes first."""
        cell.folder.mkdir(exist_ok=True)
        (cell.folder / CONFIG).write_text("a run")

    @staticmethod
    def train(
        cell: Cell, epochs: int, seconds: float, *, place: str = ".", **columns: float
    ) -> None:
        """Write the curve and the checkpoint of a training after some epochs of so many seconds."""
        folder = cell.folder / place
        folder.mkdir(parents=True, exist_ok=True)
        row = {"training_seconds": seconds - 1, "evaluation_seconds": 1.0, "val/accuracy": 91.2}
        rows = [{"epoch": n, "step": 5 * n, **row} for n in range(1, epochs + 1)]
        write_rows(folder / CURVE, rows)
        (folder / CHECKPOINT).touch()


@pytest.fixture
def cells(tmp_path: Path) -> Cells:
    """cells("seed=0,1") plans them in the test's folder."""
    return Cells(tmp_path)
