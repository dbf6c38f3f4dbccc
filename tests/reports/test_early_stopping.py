"""The step of the smallest validation loss, read from the curves of runs, and drawn."""

from pathlib import Path
from typing import Any

from goldpan.reports.early_stopping import compared, draw_early_stopping

CURVE = "step,val/loss,test/accuracy\n10,0.5,90\n20,0.4,91\n30,0.4,92\n"


def test_the_first_of_equal_losses_counts_and_runs_without_a_curve_do_not(made_up: Any) -> None:
    made_up.finish()
    (cell,) = (c for c in made_up.results.cells if c.axes["method"] == "snip" and c.records)
    first, second = sorted(cell.folders)
    (first / "metrics.csv").write_text(CURVE)
    assert [*compared(cell, "early_stop").values()] == [20]
    assert [*compared(cell, "accuracy_at_early_stop").values()] == [91]
    (second / "metrics.csv").write_text("step,test/accuracy\n10,90\n")
    assert [*compared(cell, "early_stop").values()] == [20]
    assert compared(cell, "last") == {0: 92.9, 1: 93.1}


def test_it_is_drawn_where_there_are_validation_losses(made_up: Any, tmp_path: Path) -> None:
    made_up.finish()
    (panel,) = made_up.results.panels
    path = tmp_path / "early.png"
    assert draw_early_stopping(panel, made_up.table, path) is None
    for cell in made_up.plan.runs:
        if cell.folder.exists():
            (cell.folder / "metrics.csv").write_text(CURVE)
    assert draw_early_stopping(panel, made_up.table, path) == path
    assert path.stat().st_size > 1000
