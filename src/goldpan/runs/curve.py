"""The learning curve of a run: a row for each evaluation, as metrics.csv holds it."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = dict[str, float]


def read_curve(path: Path) -> list[Row]:
    """The rows of a metrics.csv; a row lacks the columns that it has no number for."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(text) for name, text in row.items() if text} for row in rows]


def row_of_early_stop(rows: Sequence[Mapping[str, float]]) -> Mapping[str, float] | None:
    """The first evaluation with the smallest validation loss; None without such losses."""
    measured = [row for row in rows if "val/loss" in row]
    return min(measured, key=lambda row: row["val/loss"], default=None)


def early_stop(rows: Sequence[Mapping[str, float]]) -> int | None:
    """The step of that evaluation; None without such losses."""
    row = row_of_early_stop(rows)
    return None if row is None else int(row["step"])
