"""What the page of a report holds, as JSON can: its cells, its runs, and what they mean."""

from collections.abc import Iterable
from os.path import relpath
from pathlib import Path
from statistics import mean
from typing import Any
from urllib.parse import quote

from goldpan.pictures import COLOURS
from goldpan.reports.report import Report
from goldpan.reports.results import Panel
from goldpan.reports.spec import METRICS, Table
from goldpan.reports.table_cell import TableCell
from goldpan.reports.text import DITTO, shown
from goldpan.runs.record import RECORD, Record, read_record


def contents(report: Report) -> dict[str, Any]:
    """What the page shows, as JSON can hold it."""
    table, panels = report.table, report.results.panels
    return {
        "name": table.name,
        "paper": table.paper,
        "caption": report.caption,
        "metric": report.metric,
        "rows": table.rows,
        "columns": table.columns,
        "curves": "columns" if table.across == table.columns else "rows",
        "colours": COLOURS,
        "lines": [line for line in report.lines if not line.startswith(DITTO)],
        "panels": [_panel(panel, table) for panel in panels],
        "runs": _runs(report),
    }


def _panel(panel: Panel, table: Table) -> dict[str, Any]:
    """A table of rows and columns; its cells from left to right, row by row."""
    cells = [cell for row in panel.rows for cell in panel.row(row)]
    levels, axis = panel.levels(table), table.across
    return {
        "title": panel.title,
        "rows": [shown(table.rows, row) for row in panel.rows],
        "columns": [shown(table.columns, column) for column in panel.columns],
        "cells": [_cell(cell, table, level=cell.axes[axis] in levels) for cell in cells],
    }


def _line(cell: TableCell, table: Table) -> str:
    """The name of the line that a cell is on in a plot: its method."""
    return shown(table.across, cell.axes[table.across])


def _cell(cell: TableCell, table: Table, *, level: bool) -> dict[str, Any]:
    """Our runs beside the published number, and what the plots need."""
    ours, number, said = cell.ours, cell.published, cell.judgement
    asked, failed = len(cell.folders), cell.failed
    sparsity = cell.axes.get("sparsity")
    return {
        "curve": _line(cell, table),
        "row": shown(table.rows, cell.axes[table.rows]),
        "column": shown(table.columns, cell.axes[table.columns]),
        "column_value": _sortable(cell.axes[table.columns]),
        "level": level,
        "sparsity": None if sparsity is None else float(sparsity),
        "flops": cell.flops,
        "mean": ours and ours.mean,
        "std": ours and ours.std,
        "n": ours.n if ours else 0,
        "asked": asked,
        "collapsed": cell.collapsed,
        "failed": failed,
        "missing": asked - failed - len(cell.records),
        "seeds": [
            [record.identity.seed, value]
            for record, value in zip(cell.records, cell.accuracies, strict=True)
        ],
        "published": number and {"mean": number.mean, "std": number.std, "n": number.n},
        "judged": bool(number and number.verify),
        "source": (number.source or table.paper) if number else None,
        "difference": cell.difference,
        "interval": said and said.interval,
        "margin": said and table.margin,
        "verdict": said and said.answer,
        "more": said and said.more,
        "layers": _layers(cell.records),
    }


def _layers(records: Iterable[Record]) -> dict[str, list[float]]:
    """Mean, least and largest sparsity (%) of each layer over the runs."""
    found: dict[str, list[float]] = {}
    for record in records:
        for name, value in (record.sparsity.layers if record.sparsity else {}).items():
            found.setdefault(name, []).append(100 * value)
    return {
        name: [round(value, 4) for value in (mean(values), min(values), max(values))]
        for name, values in found.items()
    }


def _runs(report: Report) -> list[dict[str, Any]]:
    """Every run that was asked for, once: those that failed or are missing too."""
    folders = {folder: cell for cell in report.results.cells for folder in sorted(cell.folders)}
    return [_run(folder, cell, report) for folder, cell in folders.items()]


def _run(folder: Path, cell: TableCell, report: Report) -> dict[str, Any]:
    path = folder / RECORD
    table = report.table
    across, along = table.across, table.along
    entry: dict[str, Any] = {
        "curve": _line(cell, table),
        "place": shown(along, cell.axes[along]),
        "place_value": _sortable(cell.axes[along]),
        "setting": ", ".join(v for k, v in cell.axes.items() if k not in (across, along)),
        "path": str(path),
        "link": quote(relpath(path, report.folder)),
    }
    if not path.exists():
        return entry | {"status": "missing"}
    try:
        record = read_record(path)
    except ValueError as error:
        return entry | {"status": "not counted", "error": str(error)}
    counted = record.identity.id in {counted.identity.id for counted in cell.records}
    status = record.status if counted or not record.done else "not counted"
    return entry | _facts(record) | {"status": status}


def _facts(record: Record) -> dict[str, Any]:
    """What the table of the runs says of one."""
    accuracies = {name: record.accuracy(name) for name in METRICS}
    who, origin, sparsity, costs = record.identity, record.origin, record.sparsity, record.costs
    return {
        **{name: accuracy and accuracy.test for name, accuracy in accuracies.items()},
        **{f"{name}_epoch": a and a.epoch for name, a in accuracies.items()},
        **{name: sparsity and getattr(sparsity, name) for name in ("asked", "got", "effective")},
        "id": who.id,
        "seed": who.seed,
        "error": record.error,
        "flops": record.flops_kept,
        **_together(record),
        "seconds": costs and sum(costs.seconds.values()),
        "parts": dict(costs.seconds) if costs else {},
        "images_per_second": costs and costs.images_per_second,
        "hardware": str(origin.hardware.get("gpu", origin.hardware.get("cpu", ""))),
        "commit": origin.commit,
        "started": who.started,
    }


def _together(record: Record) -> dict[str, float]:
    """What the members of an ensemble come to together on the test set."""
    test = record.ensemble and record.ensemble.test
    names = ("nll", "calibration_error", "disagreement")
    return {name: getattr(test, name) for name in names} if test else {}


def _sortable(value: str) -> float | str:
    """A value of an axis, as a number where it is one."""
    try:
        return float(value)
    except ValueError:
        return value
