"""Panels of cells, from the plan of a table and from what lies below a folder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from goldpan.reports.results import Panel, results_below, results_of_plan


def texts(panel: Panel) -> dict[str, list[str]]:
    return {row: [str(cell) for cell in panel.row(row)] for row in panel.rows}


def test_further_axes_make_a_panel_each(plan_table: Callable[..., Any]) -> None:
    made_up = plan_table(methods=["snip"])
    other = [
        replace(cell, axes={**cell.axes, "recipe": recipe}, folder=cell.folder / recipe)
        for recipe in ("quick", "rni")
        for cell in made_up.plan.cells
    ]
    axes = {**made_up.plan.axes, "recipe": ["quick", "rni"]}
    plan = replace(made_up.plan, axes=axes, cells=other)
    panels = results_of_plan(plan, made_up.table, "last").panels
    assert [panel.title for panel in panels] == ["recipe=quick", "recipe=rni"]


def test_a_line_of_the_same_runs_or_of_dense_ones_has_no_slope(made_up: Any) -> None:
    made_up.finish()
    plan, table = made_up.plan, made_up.table
    (panel,) = made_up.results.panels
    assert panel.levels(table) == {"dense"}
    assert panel.repeats("dense")
    axes = {**plan.axes, "sparsity": ["0.9"]}
    cells = [cell for cell in plan.cells if cell.axes["sparsity"] == "0.9"]
    (panel,) = results_of_plan(replace(plan, axes=axes, cells=cells), table, "last").panels
    assert panel.levels(table) == {"dense"}
    assert not panel.repeats("dense")
    turned = replace(table, rows="sparsity", columns="method")
    (panel,) = results_of_plan(plan, turned, "last").panels
    assert panel.levels(turned) == {"dense"}
    assert not any(panel.repeats(row) for row in panel.rows)


def test_a_folder_has_a_row_a_method_and_a_column_a_sparsity(made_up: Any, tmp_path: Path) -> None:
    made_up.write({"snip-0.9-0": 96.0, "snip-0.9-1": 98.0, "dense-0-0": 99.0})
    made_up.write({"snip-0.99-1": 10.0}, method="grasp", status="collapsed")
    (panel,) = results_below(tmp_path, "last").panels
    assert panel.title == "digits vgg11 quick"
    assert panel.columns == ["0.9", "0.99"]
    assert texts(panel) == {
        "dense": ["99.00 (n=1)"] * 2,
        "snip": ["97.00 ± 1.41 (n=2)", "-"],
        "grasp": ["-", "10.00 (n=1, 1 collapsed)"],
    }
    assert panel.repeats("dense")


def test_a_setting_below_a_folder_is_a_panel(made_up: Any, tmp_path: Path) -> None:
    made_up.write({"snip-0.9-0": 96.0})
    made_up.write({"snip-0.9-1": 98.0}, setting="mnist")
    panels = results_below(tmp_path, "last").panels
    assert [panel.title for panel in panels] == ["digits vgg11 quick", "mnist"]


def test_a_folder_of_dense_runs_alone_has_the_column_0(made_up: Any, tmp_path: Path) -> None:
    made_up.write({"dense-0-0": 99.0})
    (panel,) = results_below(tmp_path, "last").panels
    assert texts(panel) == {"dense": ["99.00 (n=1)"]}
    assert panel.columns == ["0.0"]


def test_a_whole_network_that_its_method_prunes_later_stands_at_0(
    made_up: Any, tmp_path: Path
) -> None:
    made_up.write({"dense-0-0": 99.0})
    made_up.write({"dense-0-1": 94.0}, method="snip")
    made_up.write({"snip-0.9-0": 96.0})
    (panel,) = results_below(tmp_path, "last").panels
    assert panel.columns == ["0.0", "0.9"]
    assert texts(panel) == {
        "dense": ["99.00 (n=1)"] * 2,
        "snip": ["94.00 (n=1)", "96.00 (n=1)"],
    }


def test_a_run_that_failed_below_a_folder_is_counted_where_it_was_to_be(
    made_up: Any, tmp_path: Path
) -> None:
    made_up.write({"snip-0.9-0": 96.0})
    made_up.write({"snip-0.9-1": 0.0}, status="failed", weights=None)
    (panel,) = results_below(tmp_path, "last").panels
    assert texts(panel) == {"snip": ["96.00 (n=1 of 2, 1 failed)"]}
