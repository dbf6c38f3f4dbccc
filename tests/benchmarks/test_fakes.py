"""Made-up tables are taken for real ones."""

from pathlib import Path

import pytest
from benchmarks.fakes import finish, planned, words

from goldpan.reports.report import report_of_plan


def test_made_up_records_fill_a_table(tmp_path: Path) -> None:
    plan = planned(20, tmp_path)
    finish(plan.runs)
    assert len(plan.runs) == 20
    assert all(cell.record() is not None for cell in plan.runs)
    assert len(report_of_plan(plan).results.records) == 20


def test_a_table_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="multiple of 20, got 33"):
        words(33, tmp_path)
