"""What a sweep shows while it runs: a screen on a terminal, or lines in a log."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from goldpan.runs.record import Record
from goldpan.sweeps.cells import Cell
from goldpan.sweeps.times import Times, hardware_of, read_times, seconds_of
from goldpan.sweeps.watch import Running, Watch

PAUSE = 1.0
"""Seconds between two looks at the folders of the cells."""

LONG = 120.0
"""Seconds; a log has a line at each tenth of a cell that takes longer."""

TENTHS = 10


class Progress:
    """Counts the cells that end, and says where the others stand.

    `skipped` cells have a result already; `console` prints, on a terminal below a screen that is
    drawn again at each look.
    """

    def __init__(self, cells: Sequence[Cell], skipped: int, watch: Watch, console: Console) -> None:
        self.count, self.skipped, self.watch, self.console = len(cells), skipped, watch, console
        self.on_terminal = console.is_terminal and not console.is_dumb_terminal
        self.ended, self.ends = 0, Counter[str]()
        self.told = dict[str, int]()
        self.lock = Lock()  # taken before those of rich, never while it draws

    def end(self, cell: Cell, record: Record | None, sentence: str) -> None:
        """Print that a cell has ended; it has no `record` if it was interrupted, or left alone."""
        with self.lock:
            self.watch.end(cell, record)
            self.ended += 1
            done = record is not None and record.done
            self.ends["done" if done else "failed" if record else "left"] += 1
            facts = [f"{seconds_of(record):.0f} s"] if record and seconds_of(record) else []
            facts += [until] if self.ended < self.count and (until := self.until()) else []
            listed = f" ({', '.join(facts)})" if facts else ""
            self.say(f"{self.ended} of {self.count}{listed}: {sentence}")

    def learn(self, times: Times) -> None:
        """Take the times of earlier runs, beside those of the cells that have ended since."""
        with self.lock:
            self.watch.times.update(times)

    def say(self, text: str) -> None:
        """Print a line as it is, above the screen if there is one."""
        self.console.print(text, soft_wrap=True, highlight=False, markup=False)

    def look(self) -> None:
        """Look at the cells; in a log, say which has done another tenth."""
        with self.lock:
            for one in self.watch.look():
                if not self.on_terminal and (line := self._tenth(one)):
                    self.say(line)

    def until(self) -> str:
        """When the last cell will end, in words; empty where nothing tells."""
        left = self.watch.left()
        return "" if left is None else f"end about {moment(left)}"

    def _tenth(self, one: Running) -> str:
        """A line on a long cell that has done another tenth; else empty."""
        position, name = one.position, one.cell.folder.name
        if position is None or position.total <= LONG:
            return ""
        tenth = int(TENTHS * position.fraction)
        if tenth in (self.told.get(name, 0), TENTHS):
            return ""
        self.told[name] = tenth
        ends = f"ends about {moment(self.watch.left_of(one))}"
        facts = [position.place, position.measured, ends]
        return f"{title(one.cell)}: {', '.join(fact for fact in facts if fact)}"

    def screen(self) -> Group:
        """What a terminal shows: a line on the sweep, and one for each cell that runs."""
        with self.lock:
            counts = [f"{self.ended} of {self.count} ended"]
            counts += [f"{count} {end}" for end, count in self.ends.items()]
            counts += [f"{self.skipped} skipped"] if self.skipped else []
            head = Table.grid(padding=(0, 2))
            bar = ProgressBar(max(1, self.count), self.ended, width=20)
            head.add_row(", ".join(counts), bar, self.until() or "end unknown yet")
            body = Table.grid(padding=(0, 2))
            for one in self.watch.running.values():
                body.add_row(*(Text(text, no_wrap=True) for text in self._row(one)))
            return Group(head, body)

    def _row(self, one: Running) -> tuple[str, str, str, str]:
        """A running cell: its title, its epoch, its accuracy, and when it ends."""
        left = self.watch.left_of(one)
        ends = "" if left is None else f"ends {moment(left)}"
        position = one.position
        if position is None:
            return f"  {title(one.cell)}", "no epoch yet", "", ends
        return f"  {title(one.cell)}", position.place, position.measured, ends


def title(cell: Cell) -> str:
    """A cell by its values on the axes of its sweep; by its folder if it has none."""
    named = " ".join(f"{name}={value}" for name, value in cell.axes.items())
    return named or cell.folder.name


def moment(left: float | None) -> str:
    """The time of day in so many seconds, with the day if it is another."""
    if left is None:
        return "an unknown time"
    now, then = time.localtime(), time.localtime(time.time() + left)
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%a %d %b %H:%M", then)


@contextmanager
def showing(
    cells: Sequence[Cell],
    skipped: int,
    results: Path,
    *,
    watched: bool = True,
    console: Console | None = None,
) -> Iterator[Progress]:
    """Show a sweep while the block runs it; if it is not `watched`, only how each cell ends.

    A thread looks at the folders of the cells, so that no cell and no launcher does anything for
    it. It begins with the records of earlier runs, also those below the folder `results`.
    """
    console = console or Console(file=sys.stdout)
    progress = Progress(cells, skipped, Watch(cells, Times(hardware_of(cells))), console)
    if not watched:
        yield progress
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        over = Event()

        def look() -> None:
            progress.learn(read_times(cells, results))
            while not over.wait(PAUSE):
                progress.look()
                if progress.on_terminal:
                    live.update(progress.screen(), refresh=True)

        thread = Thread(target=look, daemon=True)
        thread.start()
        try:
            yield progress
        finally:
            over.set()
            thread.join()
