"""The launcher of Ray: what it refuses, what it says of lost workers, and a sweep of its own."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from goldpan.runs.record import RECORD, read_record
from goldpan.sweeps.cells import Cell, plan
from goldpan.sweeps.launchers.ray import on_ray
from goldpan.sweeps.work import BUSY, FAILED

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]
COMMAND = (sys.executable, "run.py")


def cells(folder: Path, *arguments: str) -> list[Cell]:
    return plan(["logger=none", f"output={folder}", *arguments], ROOT / "conf").runs


class RayError(Exception):
    pass


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A Ray of one machine with two CPUs, whose tasks end as `ends` says, in order."""
    fake: Any = ModuleType("ray")
    fake.ends, fake.asked, fake.left = [], [], []

    def remote(**options: object) -> object:
        fake.asked.append(options)
        return lambda _: SimpleNamespace(remote=lambda sent: sent.cell.folder)

    def get(_: object) -> int:
        end = fake.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return int(end)

    fake.remote, fake.get, fake.exceptions = remote, get, SimpleNamespace(RayError=RayError)
    fake.wait = lambda tasks: (tasks[:1], tasks[1:])
    fake.init = lambda **options: fake.asked.append(options)
    fake.is_initialized = lambda: False
    fake.shutdown = lambda: fake.left.append(True)
    fake.nodes = lambda: [{"Alive": True, "Resources": {"CPU": 2.0, "memory": 2.0**30}}]
    monkeypatch.setitem(sys.modules, "ray", fake)
    return fake


def test_each_cell_is_a_task_that_is_never_tried_twice(tmp_path: Path, ray: Any) -> None:
    ray.ends = [0, BUSY, RayError("The worker died.\nUnexpectedly.")]
    some = cells(tmp_path, "seed=0,1,2")
    ends: list[int] = []
    on_ray(some, lambda _, code: ends.append(code), COMMAND, cpus=2, mem_gb=0.5)
    assert ends == [0, BUSY, FAILED]
    error = read_record(some[2].folder / RECORD).error
    assert error == "Ray says: The worker died. Unexpectedly."
    joined, task = ray.asked
    assert joined["address"] == "local"
    assert task == {
        "num_cpus": 2, "num_gpus": 0, "memory": 2**29, "max_calls": 1, "max_retries": 0,
    }  # fmt: skip
    assert ray.left


def test_cells_that_fit_no_machine_are_refused_here_and_wait_elsewhere(
    tmp_path: Path, ray: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=r"asks Ray for 1 CPU, 1 GPU.* machines of 2 CPU, 0 GPU"):
        on_ray(cells(tmp_path), lambda *_: None, COMMAND, gpus=1)
    assert ray.left
    ray.ends = [0]
    on_ray(cells(tmp_path), lambda *_: None, COMMAND, gpus=1, address="auto")
    assert "waiting for a larger one" in capsys.readouterr().out


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path, ray: Any) -> None:
    def init(**_: object) -> None:
        raise ConnectionError("nobody answers")

    ray.init = init
    with pytest.raises(ValueError, match=r"no Ray cluster at launcher.address=auto: nobody"):
        on_ray(cells(tmp_path), lambda *_: None, COMMAND, address="auto")


def test_without_ray_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match="pip install -e"):
        on_ray(cells(tmp_path), lambda *_: None, COMMAND)


@pytest.mark.slow
def test_a_crash_in_a_real_worker_is_its_own(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    bad = ("raises", "segfaults", "exits")
    scorers = [f"scorers_that_fail.{name}" for name in bad] + ["goldpan.scorers.snip.snip"]
    words = [
        *("-m", "launcher=ray", "launcher.cpus=1", f"output={tmp_path}", "logger=none"),
        *("model=lenet_300_100", "dataset.limit=200", "recipe.epochs=1", "strategy.threads=1"),
        f"method.pruner.scorer._target_={','.join(scorers)}",
    ]
    done = subprocess.run(
        [sys.executable, "run.py", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 1
    assert "3 failed" in done.stdout, done.stderr
    assert "1 finished" in done.stdout
    assert done.stdout.count("failed: Ray says") == 4  # two cells, as each ends and last
