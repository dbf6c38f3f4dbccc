from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from goldpan.runs.curve import read_curve
from goldpan.training.callbacks.csv_curve import CsvCurve
from goldpan.training.callbacks.stop_at import StopAt
from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]
RUN: dict[str, Any] = {"epochs": 3, "min_steps": 10}  # of four steps an epoch


def every(steps: int | None) -> dict[str, Any]:
    """The trainer's options for an evaluation each so many steps, or each epoch."""
    return {} if steps is None else {"val_check_interval": steps, "check_val_every_n_epoch": None}


class KillAt(pl.Callback):
    """Raises after a training step, as a kill would end the run."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        if trainer.global_step == self.step:
            raise InterruptedError


@pytest.mark.parametrize(
    ("interval", "rows"),
    [
        (None, [(1, 4), (2, 8), (3, 10)]),
        (3, [(1, 3), (2, 6), (3, 9), (3, 10)]),
        (5, [(2, 5), (3, 10)]),
        (8, [(2, 8), (3, 10)]),
        (20, [(3, 10)]),
    ],
)
def test_a_training_is_evaluated_at_each_interval_and_at_its_end(
    fit: Fit, build: Build, tmp_path: Path, interval: int | None, rows: list[tuple[int, int]]
) -> None:
    curve = CsvCurve(tmp_path / "metrics.csv")
    fit(build(), StopAt(10), curve, **RUN, **every(interval))
    assert [(row["epoch"], row["step"]) for row in curve.rows] == rows
    assert read_curve(tmp_path / "metrics.csv") == curve.rows


@pytest.mark.parametrize("killed_at", [6, 9])
@pytest.mark.parametrize(
    ("moves", "interval"), [("epoch", None), ("step", None), ("step", 2), ("step", 3), ("step", 8)]
)
def test_a_killed_run_of_steps_ends_like_an_undisturbed_one(
    fit: Fit, build: Build, tmp_path: Path, killed_at: int, moves: str, interval: int | None
) -> None:
    run = RUN | every(interval)
    options: dict[str, Any] = {"learning_rate": lambda progress: 1 - progress, "rate_moves": moves}
    whole, killed, resumed = (build(**options) for _ in range(3))
    curves = [CsvCurve(tmp_path / f"{name}.csv") for name in ("whole", "killed")]
    fit(whole, StopAt(10), curves[0], **run)
    (tmp_path / "last.ckpt").unlink()
    with pytest.raises(InterruptedError):
        fit(killed, StopAt(10), KillAt(killed_at), CsvCurve(tmp_path / "before.csv"), **run)
    fit(resumed, StopAt(10), curves[1], resume=tmp_path / "last.ckpt", **run)
    one, other = (
        [{n: v for n, v in row.items() if "seconds" not in n} for row in curve.rows]
        for curve in curves
    )
    assert one == other
    assert all(map(torch.equal, whole.net.state_dict().values(), resumed.net.state_dict().values()))
