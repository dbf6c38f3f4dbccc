"""What a cell of a table says."""

from pathlib import Path
from typing import Any

from goldpan.reports.table_cell import TableCell


def test_a_cell_says_what_is_missing_failed_or_collapsed(made_up: Any) -> None:
    made_up.write({"dense-0-0": 94.0})
    made_up.write({"snip-0.9-0": 10.0}, status="collapsed")
    made_up.write({"snip-0.9-1": 0.0}, status="failed", error="RuntimeError: out of luck")
    made_up.write({"snip-0.99-0": 0.0, "snip-0.99-1": 0.0}, status="failed")
    assert [str(cell) for cell in made_up.results.cells] == [
        "94.00 (n=1 of 2)",
        "10.00 (n=1 of 2, 1 failed, 1 collapsed)",
        "failed",
    ]


def test_a_cell_for_which_nothing_was_asked_says_so() -> None:
    assert str(TableCell({}, frozenset())) == "-"
    assert str(TableCell({}, frozenset([Path("a")]))) == "missing"


def test_a_cell_is_judged_where_both_numbers_are_there_and_of_one_recipe(made_up: Any) -> None:
    made_up.finish()
    dense, snip, missing = (cell.judgement for cell in made_up.results.cells)
    assert (dense, missing) == (None, None)
    assert snip.answer == "agrees"
    made_up.write({"snip-0.9-0": 82.9, "snip-0.9-1": 83.1})
    assert made_up.results.cells[1].judgement.answer == "differs"


def test_flops_kept_are_a_mean_over_the_runs_that_count(made_up: Any) -> None:
    made_up.write({"snip-0.9-0": 92.9})
    made_up.write({"snip-0.9-1": 93.1}, weights=made_up.weights(0.9, flops=200))
    assert [cell.flops for cell in made_up.results.cells] == [None, 15.0, None]
