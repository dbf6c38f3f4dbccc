"""How planning, reading and reporting grow with the cells of a table, on made-up records."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.fakes import finish, planned
from benchmarks.measure import seconds
from goldpan.reports.report import report_of_plan

CELLS = (10, 100, 1_000, 10_000)

LIMIT = 180
"""Seconds for all tables; one that would go beyond is left out."""


@dataclass(frozen=True)
class Cost:
    """Seconds for a table of so many cells; a report reads its records, the first one draws."""

    cells: int
    plan: float
    read: float
    report: float
    again: float


def measure(note: Callable[[Cost], None]) -> None:
    """Measure the tables from the smallest on, and tell of each."""
    start, last = perf_counter(), 0.0
    _cost(CELLS[0])  # imports what is needed
    for cells in CELLS:
        if perf_counter() - start + 10 * last > LIMIT:
            return
        begun = perf_counter()
        note(_cost(cells))
        last = perf_counter() - begun


def _cost(cells: int) -> Cost:
    with TemporaryDirectory() as name:
        return _in_folder(cells, Path(name))


def _in_folder(cells: int, folder: Path) -> Cost:
    planning = seconds(lambda: planned(cells, folder))
    plan = planned(cells, folder)
    finish(plan.runs)
    reading = seconds(lambda: [cell.record() for cell in plan.runs])
    reports = [seconds(lambda: report_of_plan(plan).write()) for _ in range(2)]
    return Cost(cells, planning, reading, *reports)
