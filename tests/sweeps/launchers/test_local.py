import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from goldpan.sweeps.cells import Cell, plan
from goldpan.sweeps.launchers.local import _resources_by_slot, local

CONF = Path(__file__).parents[3] / "conf"
COMMAND = (sys.executable, "run.py")
IMAGENET = "dataset=imagenet"


def cells(*arguments: str) -> list[Cell]:
    return plan(["logger=none", *arguments], CONF).runs


def shared(some: list[Cell], slots: Any = None, gpus: Any = None) -> list[tuple[Any, Any]]:
    found = _resources_by_slot(some, slots, gpus, COMMAND)
    assert all(resources.command == COMMAND for resources in found)
    return [(resources.threads, resources.gpu) for resources in found]


def test_slots_divide_the_cores_and_take_gpus_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert shared(cells()) == [(2, None)] * 4
    assert shared(cells(), slots=1) == [(None, None)]
    assert shared(cells(), slots=3, gpus=[0, 5]) == [(2, "0"), (2, "5"), (2, "0")]


def test_cells_for_a_gpu_get_those_that_torch_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    some = cells("strategy=gpu")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert shared(some) == [(2, "0"), (2, "1")] * 2
    assert shared(some, slots=2) == [(4, "0"), (4, "1")]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match="needs a GPU and torch sees none here"):
        shared(some)


def test_two_cells_share_a_gpu_where_images_are_small_and_cores_are_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small, large = cells("strategy=gpu", "dataset=cifar10"), cells("strategy=gpu", IMAGENET)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    assert shared(small, gpus=[0]) == [(2, "0")] * 2
    assert shared(small, gpus=[0, 1, 2]) == [(1, "0"), (1, "1"), (1, "2")]
    assert shared([*small, *large], gpus=[0]) == [(None, "0")]


def test_a_cell_of_several_processes_takes_all_gpus() -> None:
    assert shared(cells("strategy=ddp", "strategy.devices=2"), gpus=[0, 1]) == [(None, "0,1")]


@pytest.mark.parametrize(
    ("slots", "sentence"), [(0, "at least 1, got 0"), ("two", "a whole number from 1 on; got two")]
)
def test_slots_that_cannot_be_are_refused_before_any_process_starts(
    slots: Any, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        local(cells(), lambda *_: None, COMMAND, slots=slots)
