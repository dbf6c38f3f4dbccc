"""The view of a table on W&B: built without an account, and what is said where there is none."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from goldpan.reports import dashboard as tested
from goldpan.reports.dashboard import COLORS, MISSING, dashboard, save
from goldpan.reports.report import Report
from goldpan.reports.results import Panel, Results
from goldpan.reports.spec import Table
from goldpan.reports.table_cell import TableCell
from goldpan.runs.record import Identity, Record
from goldpan.runs.results import Costs, Sparsity, WeightResult
from goldpan.runs.told import summarize


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """One run with two layers."""
    layers = {"features.0.weight": 0.5, "linear.weight": 0.95}
    sparsity = Sparsity(0.9, 0.9, 0.9, 0.9, layers)
    who = Identity("a", "digits", "snip", 0, {}, "")
    costs = Costs({}, 1, 1, "")
    record = Record(who, "finished", costs=costs, weights=WeightResult(sparsity, 1, 1, 1, ""))
    cell = TableCell({}, frozenset([tmp_path]), [record], [90.0])
    results = Results([Panel("", ["snip"], ["0.9"], {("snip", "0.9"): cell})])
    return Report(Table("demo", "", "last", "method", "sparsity"), results, "last", [], tmp_path)


@pytest.fixture
def spec(report: Report) -> Any:
    """What would be sent."""
    return dashboard(report, "goldpan", "us")._spec


def panels(spec: Any) -> list[Any]:
    sections = spec["spec"]["section"]["panelBankConfig"]["sections"]
    return [panel for section in sections for panel in section["panels"]]


def test_the_view_holds_the_runs_of_the_table_by_method_and_sparsity(spec: Any) -> None:
    named = [spec[key] for key in ("entity", "project", "displayName")]
    assert named == ["us", "goldpan", "goldpan demo"]
    (runs,) = spec["spec"]["section"]["runSets"]
    (only,) = runs["filters"]["filters"]
    assert only["key"] == {"section": "config", "name": "table"}
    assert (only["op"], only["value"]) == ("=", "demo")
    assert runs["grouping"] == [
        {"section": "config", "name": "method.value"},
        {"section": "config", "name": "sparsity.value"},
    ]


def test_the_panels_show_what_the_runs_log(spec: Any, report: Report) -> None:
    shown = panels(spec)
    assert len({panel["__id__"] for panel in shown}) == len(shown) == 13
    (record,) = report.results.records
    known = {*summarize(record), "accuracy", "accuracy_best", "images_per_second", "status"}
    named = set(re.findall(r'"summary(?::|_metrics\.)([^"]+)"', json.dumps(spec)))
    assert {"accuracy", "flops_left", "layers/linear"} <= named <= known
    scatters = [panel["config"] for panel in shown if panel["viewType"] == "Scatter Plot"]
    assert [config["xAxis"] for config in scatters] == [
        "config:sparsity.value",
        "config:sparsity.value",
        "summary:flops_left",
    ]


def test_methods_are_coloured_and_compared(spec: Any) -> None:
    assert COLORS[0] in json.dumps(spec)
    (across,) = [panel["config"] for panel in panels(spec) if "columns" in panel["config"]]
    assert [(column["accessor"], column["displayName"]) for column in across["columns"]] == [
        ("config:method.value", "method"),
        ("config:sparsity.value", "sparsity"),
        ("summary:accuracy", "test accuracy (%)"),
        ("summary:flops_left", "FLOPs left (%)"),
    ]
    bars = [panel["config"] for panel in panels(spec) if panel["viewType"] == "Bar Chart"]
    layers = ["summary_metrics.layers/features/0", "summary_metrics.layers/linear"]
    assert bars[-1]["metrics"] == layers
    assert "method" in json.dumps(bars[2])
    (shares,) = [panel["config"] for panel in panels(spec) if "metricRegex" in panel["config"]]
    assert (shares["metricRegex"], shares["xAxis"]) == ("^panning/weight/.*", "panning/round")


def test_what_is_not_installed_is_named(
    report: Report, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces.expr", None)
    assert save(report, entity="us") == 1
    assert capsys.readouterr().err == MISSING + "\n"


def test_a_refusal_is_one_sentence(
    report: Report, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise OSError("no\nnetwork")

    monkeypatch.setattr(tested, "_library", lambda: None)
    monkeypatch.setattr(tested, "_reach", refuse)
    assert save(report) == 1
    error = capsys.readouterr().err
    assert error.startswith("the view was not saved: no network; ")
    assert error.count("\n") == 1


def test_the_address_of_the_saved_view_is_printed(
    report: Report, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    view = SimpleNamespace(save=lambda: None, url="the address")
    monkeypatch.setattr(tested, "_library", lambda: None)
    monkeypatch.setattr(tested, "_reach", lambda: None)
    monkeypatch.setattr(tested, "dashboard", lambda *given: view)
    assert save(report, entity="us") == 0
    assert capsys.readouterr().out == "the address\n"
