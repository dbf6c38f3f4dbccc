from pathlib import Path
from typing import Any
from unittest.mock import Mock

import torch
from torch import nn

from goldpan.runs.checkpoint import read_checkpoint
from goldpan.training.callbacks.keep_best import KeepBest


def end_epochs(callback: KeepBest, accuracies: list[float]) -> None:
    """End an epoch for each accuracy; the weight is the number of the epoch."""
    for epoch, accuracy in enumerate(accuracies):
        net = nn.Linear(1, 1)
        net.weight.data.fill_(epoch)
        metrics = {"test/accuracy": torch.tensor(accuracy)}
        trainer: Any = Mock(callback_metrics=metrics, is_global_zero=True)
        callback.on_train_epoch_end(trainer, Mock(net=net))


def test_the_first_epoch_with_the_highest_test_accuracy_is_kept(tmp_path: Path) -> None:
    end_epochs(KeepBest(tmp_path / "best.pt"), [50.0, 70.0, 60.0, 70.0])
    assert read_checkpoint(tmp_path / "best.pt")["weight"].item() == 1


def test_a_resumed_run_remembers_the_best_before(tmp_path: Path) -> None:
    first, resumed = KeepBest(tmp_path / "best.pt"), KeepBest(tmp_path / "best.pt")
    end_epochs(first, [50.0, 70.0])
    resumed.load_state_dict(first.state_dict())
    end_epochs(resumed, [60.0])
    assert read_checkpoint(tmp_path / "best.pt")["weight"].item() == 1
