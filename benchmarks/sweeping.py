"""Rows 11 and 12: sweeps of short cells, and commands that have nothing to do."""

import os
import subprocess
import sys
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.fakes import finish, planned, words
from benchmarks.measure import Pairs, seconds
from benchmarks.rows import Row, at_least, seconds_at_most

ROOT = Path(__file__).parents[1]
TURNS = 3
SHORT = (
    "model=lenet_300_100",
    "dataset=digits",
    "recipe.epochs=1",
    "logger=none",
    "strategy.threads=1",
)


def command(*typed: str) -> str:
    """`python run.py` with these words; what it printed.

    Raises:
        RuntimeError: if it fails.
    """
    done = subprocess.run(
        [sys.executable, "run.py", *typed], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"run.py {' '.join(typed)} failed: {done.stderr[-500:]}")
    return done.stdout


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sweep(cells: int, folder: Path) -> None:
    """A sweep of so many short runs.

    Raises:
        RuntimeError: if they do not all finish.
    """
    seeds = ",".join(map(str, range(cells)))
    slots = f"launcher.slots={cores()}"
    printed = command("-m", *SHORT, f"seed={seeds}", slots, f"output={folder}")
    if f"{cells} finished" not in printed:
        raise RuntimeError(f"of {cells} cells not all have finished: {printed[-500:]}")


@cache
def taken() -> tuple[list[float], list[float], list[float]]:
    """Seconds of one run alone, of a sweep of 8 and of one of 24, in turn."""
    times: tuple[list[float], list[float], list[float]] = ([], [], [])
    with TemporaryDirectory() as name:
        for turn in range(TURNS):
            here = Path(name) / str(turn)
            times[0].append(seconds(partial(command, *SHORT, f"output={here / 'one'}")))
            times[1].append(seconds(partial(sweep, 8, here / "eight")))
            times[2].append(seconds(partial(sweep, 24, here / "more")))
    return times


def sweeping(cells: int, _: torch.device) -> Pairs:
    """A sweep against so many times one run."""
    alone, few, many = taken()
    rival = [cells * one for one in alone]
    note = f"The rival is extrapolated from {TURNS} single runs of {min(alone):.1f} s at best."
    return Pairs(few if cells == 8 else many, rival, note=note)


def one_more(_: torch.device) -> Pairs:
    """What a cell adds to a sweep."""
    few, many = taken()[1:]
    more = [(longer - shorter) / 16 for shorter, longer in zip(few, many, strict=True)]
    return Pairs(more, [1.0] * TURNS, note="From the sweeps of 8 and of 24.")


def help_text(_: torch.device) -> Pairs:
    """What anyone types first."""
    command("--help")
    times = [seconds(partial(command, "--help")) for _ in range(5)]
    return Pairs(times, [1.0] * len(times))


def table_again(_: torch.device) -> Pairs:
    """A table of 100 finished cells, typed again: it plans, reads, and reports."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        finish(planned(100, folder).runs)
        typed = partial(command, *words(100, folder))
        if "100 skipped" not in typed():
            raise RuntimeError("the made-up records are not those of the table's cells")
        times = [seconds(typed) for _ in range(5)]
    return Pairs(times, [1.0] * len(times))


ROWS = [
    *(
        Row(
            11,
            f"sweep-{cells}",
            f"a sweep of {cells} runs: LeNet-300-100 on digits, one epoch",
            f"{cells} times `python run.py`, one after the other",
            at_least(bound),
            "Cells are forked from a process that has imported everything.",
            partial(sweeping, cells),
        )
        for cells, bound in ((8, 5), (24, 8))
    ),
    Row(
        11,
        "sweep-one-more",
        "one more cell in such a sweep",
        "",
        seconds_at_most(0.2),
        "What a cell costs beyond its own training.",
        one_more,
    ),
    Row(
        12,
        "help",
        "`python run.py --help`",
        "",
        seconds_at_most(0.5),
        "Nothing is imported that is not used.",
        help_text,
    ),
    Row(
        12,
        "table-again",
        "a finished table of 100 cells typed again",
        "",
        seconds_at_most(2),
        "A table can be asked for at any time.",
        table_again,
    ),
]
