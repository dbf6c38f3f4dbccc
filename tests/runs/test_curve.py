from pathlib import Path

from goldpan.files import write_rows
from goldpan.runs.curve import Row, early_stop, read_curve


def test_a_curve_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows: list[Row] = [{"step": 100, "val/loss": 0.25}, {"step": 200, "test/loss": 0.5}]
    write_rows(tmp_path / "metrics.csv", rows)
    assert read_curve(tmp_path / "metrics.csv") == rows


def test_early_stopping_is_at_the_first_smallest_validation_loss() -> None:
    losses = {100: 0.5, 200: 0.25, 300: 0.375, 400: 0.25}
    assert early_stop([{"step": step, "val/loss": loss} for step, loss in losses.items()]) == 200


def test_without_validation_losses_there_is_no_early_stop() -> None:
    assert early_stop([{"step": 100, "test/loss": 0.5}]) is None
