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


def early_stop(rows: Sequence[Mapping[str, float]]) -> int:
    """The step of the first evaluation with the smallest validation loss.

    Raises:
        ValueError: if no validation loss was measured.
    """
    measured = [row for row in rows if "val/loss" in row]
    if not measured:
        raise ValueError(
            "early stopping needs validation losses; got none, so set dataset.validation above 0"
        )
    return int(min(measured, key=lambda row: row["val/loss"])["step"])
