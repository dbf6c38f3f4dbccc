"""A lock names the versions in the records beside it."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from goldpan.runs.record import RECORD, Origin, read_record

RESULTS = Path(__file__).parents[2] / "results"
TABLES = sorted({path.parents[1] for path in RESULTS.glob(f"*/*/{RECORD}")})


@pytest.fixture(scope="module")
def make_locks(load_script: Callable[[Path], ModuleType]) -> ModuleType:
    """results/make_locks.py as a module."""
    return load_script(RESULTS / "make_locks.py")


def test_other_versions_than_those_of_most_are_named(make_locks: ModuleType) -> None:
    usual = {"python": "3.11.7", "goldpan": "0.1.0", "torch": "2.14.1", "numpy": "2.4.6"}
    origins = [Origin("b", usual), Origin("a", usual | {"torch": "2.15.0"}), Origin("b", usual)]
    assert make_locks.lock([Origin("c"), *origins]).splitlines() == [
        "# The versions of the 3 records here; made by python results/make_locks.py",
        "# Python 3.11.7; goldpan 0.1.0 at commit a, b",
        "# 1 of them: torch 2.15.0",
        "numpy==2.4.6",
        "torch==2.14.1",
    ]


def test_records_without_versions_make_no_lock(make_locks: ModuleType) -> None:
    with pytest.raises(ValueError, match="got none"):
        make_locks.lock([Origin()])


@pytest.mark.parametrize("folder", TABLES, ids=lambda path: path.name)
def test_each_table_has_the_lock_of_its_records(folder: Path, make_locks: ModuleType) -> None:
    origins = [read_record(path).origin for path in sorted(folder.rglob(RECORD))]
    assert (folder / make_locks.LOCK).read_text() == make_locks.lock(origins)
