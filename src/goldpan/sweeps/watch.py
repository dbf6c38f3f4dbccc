"""Where a running sweep stands, seen from the folders of its cells alone.

No cell says anything to the sweep before it ends: what it writes for itself shows that it has
begun, and its epoch.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from goldpan.runs.record import Record
from goldpan.sweeps.cells import Cell
from goldpan.sweeps.position import Position, begun, goes_on, read_position, written
from goldpan.sweeps.times import Times


@dataclass
class Running:
    """A cell that runs: since when, and where it stood when its curves were last written.

    `since` and `seen` are seconds of the watch's clock.
    """

    cell: Cell
    since: float
    written: tuple[int, ...]
    position: Position | None
    seen: float


class Watch:
    """The cells of a sweep that have not ended, and how long they will take."""

    def __init__(
        self, cells: Sequence[Cell], times: Times, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`times` may be empty at first: cells that end are added, and more may be."""
        self.clock, self.times = clock, times
        self.waiting = {cell.folder: (cell, begun(cell)) for cell in cells}
        self.running = dict[Path, Running]()
        self.at_once = 1
        self.took = list[float]()

    def look(self) -> list[Running]:
        """Look at the folders once; return the cells whose position is new."""
        now, new = self.clock(), []
        for one in self.running.values():
            if (curves := written(one.cell)) != one.written:
                one.written, one.position, one.seen = curves, read_position(one.cell), now
                new.append(one)
        for folder, (cell, before) in [*self.waiting.items()]:
            if begun(cell) != before:
                del self.waiting[folder]
                curves = written(cell)  # first: what is written from here on is seen as new
                counts = begun(cell)[1] != before[1] or goes_on(folder)  # else it is an old curve
                position = read_position(cell) if counts else None
                self.running[folder] = Running(cell, now, curves, position, now)
                new.append(self.running[folder])
        self.at_once = max(self.at_once, len(self.running))
        return new

    def end(self, cell: Cell, record: Record | None) -> None:
        """A cell has ended, with this record if it is done."""
        self.waiting.pop(cell.folder, None)
        one = self.running.pop(cell.folder, None)
        if record is None or not record.done:
            return
        self.times.add(record)
        if one is not None:
            self.took.append(self.clock() - one.since)

    def left(self) -> float | None:
        """Seconds until the last cell ends; None where nothing says how long one of them takes."""
        works = [self.left_of(one) for one in self.running.values()]
        works += [self._expected(cell) for cell, _ in self.waiting.values()]
        known = [work for work in works if work is not None]
        if len(known) < len(works):
            return None
        return max(sum(known) / self.at_once, *known, 0.0)

    def left_of(self, one: Running) -> float | None:
        """Seconds until a running cell ends: by its own pace, or by the times of others."""
        total = one.position.total if one.position else self._expected(one.cell)
        if total is None:
            return None
        done = one.position.fraction if one.position else 0.0
        return max(0.0, total * (1 - done) - (self.clock() - one.seen))

    def _expected(self, cell: Cell) -> float | None:
        """The seconds of a cell: by records, by the pace of those like it, or of any that ran."""
        if (known := self.times.expected(cell)) is not None:
            return known
        paced = [one for one in self.running.values() if one.position]
        like = self.times.kinds(cell)[1]
        alike = [one for one in paced if self.times.kinds(one.cell)[1] == like]
        totals = [one.position.total for one in alike or paced if one.position]
        totals = totals if alike else [*totals, *self.took]
        return fmean(totals) if totals else None
