from pathlib import Path
from typing import Any
from unittest.mock import Mock

import torch
from pytorch_lightning.trainer.states import TrainerFn
from torch import nn

from goldpan.runs.checkpoint import read_checkpoint
from goldpan.training.callbacks.keep_best import KeepBest


def evaluate(callback: KeepBest, accuracies: list[float]) -> None:
    """Evaluate for each accuracy; the weight is the number of the evaluation."""
    for epoch, accuracy in enumerate(accuracies):
        net = nn.Linear(1, 1)
        net.weight.data.fill_(epoch)
        metrics = {"test/accuracy": torch.tensor(accuracy)}
        trainer: Any = Mock(callback_metrics=metrics, is_global_zero=True)
        trainer.state.fn = TrainerFn.FITTING
        callback.on_validation_end(trainer, Mock(net=net))


def test_the_first_network_with_the_highest_test_accuracy_is_kept(tmp_path: Path) -> None:
    evaluate(KeepBest(tmp_path / "best.pt"), [50.0, 70.0, 60.0, 70.0])
    assert read_checkpoint(tmp_path / "best.pt")["weight"].item() == 1


def test_a_resumed_run_remembers_the_best_before(tmp_path: Path) -> None:
    first, resumed = KeepBest(tmp_path / "best.pt"), KeepBest(tmp_path / "best.pt")
    evaluate(first, [50.0, 70.0])
    resumed.load_state_dict(first.state_dict())
    evaluate(resumed, [60.0])
    assert read_checkpoint(tmp_path / "best.pt")["weight"].item() == 1
