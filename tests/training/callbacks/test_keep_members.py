from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from pytorch_lightning.trainer.states import TrainerFn
from torch import nn

from goldpan.runs.checkpoint import read_checkpoint
from goldpan.schedules.calendar import boundaries
from goldpan.training.callbacks.keep_members import MEMBERS, KeepMembers
from goldpan.training.length import Length

FROM_2_EACH_3 = partial(boundaries, first="2ep", interval="3ep")


def end_epochs(callback: KeepMembers, accuracies: dict[int, float]) -> None:
    """End these epochs; the weight is the number of the epoch, from 1."""
    for epoch, accuracy in accuracies.items():
        net = nn.Linear(1, 1)
        net.weight.data.fill_(epoch)
        metrics = {f"{split}/accuracy": torch.tensor(accuracy) for split in ("val", "test")}
        trainer: Any = Mock(
            callback_metrics=metrics,
            is_global_zero=True,
            state=Mock(fn=TrainerFn.FITTING),
            current_epoch=epoch - 1,
            global_step=5 * epoch,
        )
        callback.on_validation_end(trainer, Mock(net=net))


def kept(folder: Path) -> list[float]:
    """The epochs of the members' weights."""
    paths = sorted(folder.glob("member*.pt"))
    return [read_checkpoint(path)["weight"].item() for path in paths]


ACCURACIES = dict(enumerate([99.0, 99.0, 50.0, 60.0, 60.0, 70.0, 65.0, 40.0], start=1))


def test_the_best_epoch_of_each_phase_is_kept_whatever_was_before(tmp_path: Path) -> None:
    end_epochs(KeepMembers(tmp_path, Length(40, 5), 5, calendar=FROM_2_EACH_3), ACCURACIES)
    assert kept(tmp_path) == [4, 6]
    rows = (tmp_path / MEMBERS).read_text().splitlines()
    assert rows == [
        "member,epoch,step,val/accuracy,test/accuracy",
        "1,4,20,60.0,60.0",
        "2,6,30,70.0,70.0",
    ]


def test_the_last_epoch_of_each_phase_is_kept_if_asked(tmp_path: Path) -> None:
    last = KeepMembers(tmp_path, Length(40, 5), 5, calendar=FROM_2_EACH_3, select="last")
    end_epochs(last, ACCURACIES)
    assert kept(tmp_path) == [5, 8]


def test_a_resumed_run_remembers_the_best_of_its_phase(tmp_path: Path) -> None:
    first, resumed = (
        KeepMembers(tmp_path, Length(40, 5), 5, calendar=FROM_2_EACH_3) for _ in range(2)
    )
    end_epochs(first, {3: 60.0})
    resumed.load_state_dict(first.state_dict())
    end_epochs(resumed, {4: 50.0, 6: 70.0})
    assert kept(tmp_path) == [3, 6]


@pytest.mark.parametrize(("first", "interval"), [("8ep", "9ep"), ("2ep", "2it"), ("0", "3it")])
def test_phases_without_an_evaluation_are_refused(
    first: str, interval: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"expected phases with an evaluation each|outside a run"):
        KeepMembers(
            tmp_path, Length(40, 5), 5, calendar=partial(boundaries, first=first, interval=interval)
        )


def test_a_whole_training_may_be_one_phase(tmp_path: Path) -> None:
    whole = partial(boundaries, first="0.0", interval="1.0")
    end_epochs(KeepMembers(tmp_path, Length(40, 5), 5, calendar=whole), ACCURACIES)
    assert kept(tmp_path) == [1]
