"""The files of conf/table, and what is refused before a sweep of one starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from goldpan.reports.spec import Published, check_table, read_table, same
from goldpan.sweeps.cells import Plan, plan

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted((CONF / "table").glob("*.yaml"))
SPEC = {"paper": "a paper", "metric": "last", "rows": "method", "columns": "sparsity"}
AXES = {"method": ["snip", "grasp"], "sparsity": ["0.9", "0.95"], "seed": ["0"]}


def planned(own: Mapping[str, list[str]] | None = None, **changes: Any) -> Plan:
    return Plan({**SPEC, **changes}, AXES, [], own or {})


def number(at: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    return {"at": at, "mean": 93.0, **rest}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_each_file_composes_with_each_method_and_its_numbers_lie_on_its_axes(
    path: Path, every: bool
) -> None:
    """With every method as slow, and else with the last."""
    params = OmegaConf.load(path).hydra.sweeper.params
    axes = {name: str(values).split(",") for name, values in params.items()}
    methods = axes["method"] if every else axes["method"][-1:]
    narrow = [f"{name}={values[0]}" for name, values in axes.items() if name != "method"]
    found = plan([f"+table={path.stem}", *narrow, f"method={','.join(methods)}"], CONF)
    assert found.own == axes
    assert [cell.axes["method"] for cell in found.cells] == methods
    assert all(0 <= float(sparsity) < 1 for sparsity in axes["sparsity"])
    check_table(found)
    table = read_table(found)
    covered = [
        method
        for method in axes["method"]
        for n in table.published
        if n.covers({"method": method, "sparsity": str(n.at.get("sparsity", 0))})
    ]
    assert len(covered) == len(table.published)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_opens_with_its_command(path: Path) -> None:
    first, *rest = path.read_text().splitlines()
    assert first == "# @package _global_"
    assert f"# python run.py +table={path.stem}" in rest[:3]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"metric": "top5"},
            "metric is one of last, best, best_on_test, best_on_test_of_last_5; got top5",
        ),
        ({"rows": "model"}, "rows names no axis; got model, the axes are method, sparsity, seed"),
        ({"rows": "sparsity"}, "rows and columns are two axes; got sparsity for both"),
        (
            {"title": "x"},
            "takes paper, metric, rows, columns, published, unknown, notes, margin, margin_reason, "
            "claims; got title",
        ),
        ({"paper": None}, "lacks paper"),
        ({"published": [{"mean": 1}]}, "lacks at"),
        (
            {"published": [number({"method": "snip", "sparsity": 0.5})]},
            "no run is at sparsity=0.5, where a number is published; sparsity takes 0.9, 0.95",
        ),
        ({"published": [number({"model": "vgg16"})]}, "at model=vgg16, which is no axis"),
        (
            {"published": [number({"method": "snip"})] * 2},
            "two numbers are published at method=snip",
        ),
        ({"margin": 2.0}, "margin and margin_reason stand together"),
        ({"margin_reason": "so"}, "margin and margin_reason stand together"),
        ({"margin": 0, "margin_reason": "so"}, "margin is a number of points above 0; got 0"),
        ({"published": [{"at": {"method": "snip"}, "mean": "93"}]}, "mean is a number, percent"),
        ({"published": [number({"method": "snip"}, n=0)]}, "n is a number, at least 1; got 0"),
    ],
)
def test_a_table_that_cannot_be_filled_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_table(planned(**changes))


def test_a_plan_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a table"):
        check_table(Plan(None, AXES, []))


def test_numbers_of_the_files_own_axes_stay_when_an_axis_is_narrowed() -> None:
    own = {"sparsity": ["0.5", "0.9"], "seed": ["0"]}
    check_table(planned(own, published=[number({"sparsity": 0.5})]))


def test_a_number_covers_the_axes_that_it_names() -> None:
    read = read_table(planned(published=[number({"method": "snip", "sparsity": 0.9})]))
    assert read.at({"method": "snip", "sparsity": "0.90"}) == read.published[0]
    assert read.at({"method": "snip", "sparsity": "0.95"}) is None
    assert same("1e-4", 0.0001)
    assert not same("snip", "grasp")


def rounding(table: str, method: str) -> str:
    words = [f"+table={table}", f"method={method}", "sparsity=0.9", "seed=0"]
    (cell,) = plan(words, CONF).cells
    return str(cell.choices["method"]["pruner"]["rounding"]["_target_"]).rpartition(".")[2]


def test_committed_records_are_counted_as_they_were_made_and_other_tables_as_the_paper() -> None:
    assert [rounding("panning_vgg11_short", method) for method in ("synflow", "force")] == [
        "nearest",
        "nearest",
    ]
    assert rounding("digits", "synflow") == "ceil"


@pytest.mark.parametrize("path", [path for path in FILES if path.stem.startswith("synflow_")])
def test_synflows_tables_score_in_eval_mode_and_judge_no_row_of_grasp(path: Path) -> None:
    words = [f"+table={path.stem}", "method=snip", "sparsity=0.9", "seed=0"]
    found = plan(words, CONF)
    assert found.cells[0].choices["method"]["pruner"]["scorer"]["mode"] == "eval"
    rows = [number for number in read_table(found).published if number.at["method"] == "grasp"]
    assert len(rows) == 12
    assert not any(number.verify for number in rows)


def test_a_standard_error_is_printed_and_stands_for_the_fewest_runs() -> None:
    number = Published({}, 97.64, standard_error=0.044)
    assert str(number) == "97.64 (SE 0.04)"
    assert (number.sample.n, number.sample.std) == (2, pytest.approx(0.0622, abs=1e-4))
    known = Published({}, 97.64, n=16, standard_error=0.044)
    assert (known.sample.n, known.sample.std) == (16, pytest.approx(0.176))
