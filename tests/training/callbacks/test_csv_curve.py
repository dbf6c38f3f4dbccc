import csv
from collections.abc import Callable
from pathlib import Path

import pytorch_lightning as pl

from goldpan.training.callbacks.csv_curve import CsvCurve
from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]


def test_a_row_is_written_for_each_epoch(fit: Fit, build: Build, tmp_path: Path) -> None:
    curve = CsvCurve(tmp_path / "metrics.csv")
    fit(build(learning_rate=lambda progress: 1 - progress), curve, epochs=2)
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["epoch"], row["step"], row["lr"]) for row in rows] == [
        ("1", "4", "0.05"),
        ("2", "8", "0.025"),  # at the start of the epoch
    ]
    for part in ("train", "test"):
        assert all(0 <= float(row[f"{part}/accuracy"]) <= 100 for row in rows)
        assert all(len(row[f"{part}/loss"].replace(".", "")) <= 7 for row in rows)
    assert all(float(row["training_seconds"]) > 0 for row in rows)
    assert all(float(row["evaluation_seconds"]) > 0 for row in rows)


def test_a_resumed_curve_holds_the_rows_of_before(fit: Fit, build: Build, tmp_path: Path) -> None:
    first, second = (CsvCurve(tmp_path / f"{name}.csv") for name in ("first", "second"))
    fit(build(), first)
    fit(build(), second, epochs=2, resume=tmp_path / "last.ckpt")
    assert [row["epoch"] for row in second.rows] == [1, 2]
    assert second.rows[0] == first.rows[0]
