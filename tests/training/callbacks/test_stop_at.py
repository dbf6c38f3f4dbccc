from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from goldpan.training.callbacks.csv_curve import CsvCurve
from goldpan.training.callbacks.stop_at import StopAt
from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]
RUN: dict[str, Any] = {"epochs": 3, "min_steps": 10}  # of four steps an epoch


class KillAt(pl.Callback):
    """Raises after a training step, as a kill would end the run."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        if trainer.global_step == self.step:
            raise InterruptedError


def test_a_training_that_ends_within_an_epoch_is_evaluated_at_its_end(
    fit: Fit, build: Build, tmp_path: Path
) -> None:
    curve = CsvCurve(tmp_path / "metrics.csv")
    fit(build(), StopAt(10), curve, **RUN)
    assert [(row["epoch"], row["step"]) for row in curve.rows] == [(1, 4), (2, 8), (3, 10)]


@pytest.mark.parametrize("killed_at", [6, 9])
@pytest.mark.parametrize("moves", ["epoch", "step"])
def test_a_killed_run_of_steps_ends_like_an_undisturbed_one(
    fit: Fit, build: Build, tmp_path: Path, killed_at: int, moves: str
) -> None:
    options: dict[str, Any] = {"learning_rate": lambda progress: 1 - progress, "rate_moves": moves}
    whole, killed, resumed = (build(**options) for _ in range(3))
    curves = [CsvCurve(tmp_path / f"{name}.csv") for name in ("whole", "killed")]
    fit(whole, StopAt(10), curves[0], **RUN)
    (tmp_path / "last.ckpt").unlink()
    with pytest.raises(InterruptedError):
        fit(killed, StopAt(10), KillAt(killed_at), CsvCurve(tmp_path / "before.csv"), **RUN)
    fit(resumed, StopAt(10), curves[1], resume=tmp_path / "last.ckpt", **RUN)
    one, other = (
        [{n: v for n, v in row.items() if "seconds" not in n} for row in curve.rows]
        for curve in curves
    )
    assert one == other
    assert all(map(torch.equal, whole.net.state_dict().values(), resumed.net.state_dict().values()))
