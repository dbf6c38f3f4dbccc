"""What a sweep prints while it runs."""

import io
import re
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from goldpan.sweeps import progress
from goldpan.sweeps.progress import moment, showing


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)


def written(some: Console) -> str:
    assert isinstance(some.file, io.StringIO)
    return some.file.getvalue()


def wait_for(text: str, some: Console) -> None:
    until = time.monotonic() + 20
    while text not in written(some):
        assert time.monotonic() < until, written(some)
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PAUSE", 0.01)


def test_a_terminal_shows_the_sweep_and_each_cell_that_runs(cells: Any, tmp_path: Path) -> None:
    some, screen = cells("seed=0,1,2"), console(terminal=True)
    with showing(some, 7, tmp_path, console=screen) as shown:
        wait_for("0 of 3 ended, 7 skipped", screen)
        wait_for("end unknown yet", screen)
        cells.begin(some[0])
        wait_for("seed=0  no epoch yet", screen)
        cells.train(some[0], 4, 30)
        wait_for("seed=0  epoch 4 of 10  validation 91.20 %  ends ", screen)
        cells.finish(some[1], 100)
        shown.end(some[1], some[1].record(), "seed 1 has ended")
        shown.end(some[2], some[2].draft, "seed 2 has failed")
        wait_for("2 of 3 ended, 1 done, 1 failed, 7 skipped", screen)
    assert re.search(r"1 of 3 \(100 s, end about [\w :]+\): seed 1 has ended", written(screen))


def test_a_log_has_a_line_at_each_tenth_of_a_long_cell(cells: Any, tmp_path: Path) -> None:
    long, short = cells("seed=0,1")
    log = console(terminal=False)
    with showing([long, short], 0, tmp_path, console=log):
        for cell in (long, short):
            cells.begin(cell)
        cells.train(short, 9, 1.1)
        for epochs in (1, 3):
            cells.train(long, epochs, 30)
            wait_for(f"seed=0: epoch {epochs} of 10, validation 91.20 %, ends about ", log)
    assert len(written(log).splitlines()) == 2


def test_a_log_has_a_line_when_a_cell_ends(cells: Any, tmp_path: Path) -> None:
    first, second = cells("seed=0,1")
    log = console(terminal=False)
    with showing([first, second], 0, tmp_path, watched=False, console=log) as shown:
        cells.finish(first, 100)
        shown.end(first, first.record(), "seed 0 has ended")
        shown.end(second, None, "seed 1 was interrupted")
    one, two = written(log).splitlines()
    assert re.fullmatch(r"1 of 2 \(100 s, end about [\w :]+\): seed 0 has ended", one)
    assert two == "2 of 2: seed 1 was interrupted"


def test_another_day_is_named() -> None:
    assert re.fullmatch(r"\w{3} \d\d \w{3} \d\d:\d\d", moment(2 * 86400))
