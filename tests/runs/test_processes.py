"""What only real processes show: a kill in mid-training, and two ranks that train one network."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from goldpan.runs.experiment import TERMINATED
from goldpan.runs.record import Record, read_record

ROOT = Path(__file__).parents[2]
WIDTH = "model.width=0.05"
RUN = ["dataset.limit=400", "logger=none", "sparsity=0.8", "strategy.threads=1"]


def command(output: Path, *overrides: str) -> list[str]:
    """The words of a run, of a narrow network unless they choose a model."""
    width = [] if any(word.startswith("model=") for word in overrides) else [WIDTH]
    return [sys.executable, str(ROOT / "run.py"), f"output={output}", *width, *RUN, *overrides]


def finish(output: Path, *overrides: str) -> Record:
    """Run to the end, with warnings as they are, and read the one record."""
    environment = {key: value for key, value in os.environ.items() if "RANK" not in key}
    done = subprocess.run(
        command(output, *overrides), env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    (path,) = output.rglob("record.json")
    return read_record(path)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("false", "false"),
        pytest.param("true", "false", marks=pytest.mark.slow),  # as test_compact.py
        pytest.param("true", "true", marks=pytest.mark.slow),
        pytest.param("false", "true", marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_goes_on_as_it_began_and_ends_like_an_undisturbed_one(
    tmp_path: Path, first: str, then: str
) -> None:
    options = ("recipe.epochs=30", "method=synflow", "sparsity=0.95")
    running = subprocess.Popen(
        command(tmp_path / "killed", *options, f"compact={first}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("killed/*/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert not list(tmp_path.rglob("record.json"))
    (curve,) = tmp_path.glob("killed/*/metrics.csv")
    assert len(curve.read_text().splitlines()) < 20  # a checkpoint long before the end
    resumed = finish(tmp_path / "killed", *options, f"compact={then}")
    undisturbed = finish(tmp_path / "whole", *options, f"compact={first}")
    assert bool(resumed.weights.compaction) == (first == "true")
    for name in ("ranks", "accuracies", "sparsity"):
        assert getattr(resumed, name) == getattr(undisturbed, name), name
    assert resumed.identity.id == undisturbed.identity.id
    assert resumed.weights.masks == undisturbed.weights.masks
    assert resumed.weights.parameters_kept == undisturbed.weights.parameters_kept
    (curve,) = tmp_path.glob("killed/*/metrics.csv")
    assert [row.split(",")[0] for row in curve.read_text().splitlines()[1:]] == [
        str(epoch) for epoch in range(1, 31)
    ]


def test_a_run_that_sigterm_ends_says_so_by_its_exit_code_and_can_be_resumed(
    tmp_path: Path,
) -> None:
    options = ("recipe.epochs=500", "model=lenet_300_100", "sparsity=0.9")
    running = subprocess.Popen(command(tmp_path, *options), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.terminate()
    assert running.wait(timeout=60) in (TERMINATED, -signal.SIGTERM)
    assert not list(tmp_path.glob("*/record.json"))
    assert list(tmp_path.glob("*/last.ckpt"))


@pytest.mark.parametrize("compact", ["false", pytest.param("true", marks=pytest.mark.slow)])
def test_two_processes_train_one_network_with_the_masks_of_one_process(
    tmp_path: Path, compact: str
) -> None:
    ddp = ("strategy=ddp", "strategy.accelerator=cpu", "strategy.devices=2")
    options = ("recipe.epochs=2", "method=grasp", f"compact={compact}")
    two = finish(tmp_path / "two", *options, *ddp)
    one = finish(tmp_path / "one", *options)
    assert len(two.ranks) == 2
    assert len(set(two.ranks)) == 1
    assert two.weights.masks == one.weights.masks
    assert two.identity.id != one.identity.id  # BatchNorm sees half of each batch
    assert two.origin.data == one.origin.data


@pytest.mark.slow
def test_two_processes_average_the_gradients_of_sparse_layers_too(tmp_path: Path) -> None:
    """Without it each would train a network of its own; 64 x 1,600 weights are enough."""
    words = ("strategy=ddp", "strategy.accelerator=cpu", "strategy.devices=2", "method=random")
    words += ("recipe.epochs=2", "sparsity=0.95", "model=mlp", "model.hidden=[1600]")
    whole, sparse = (
        finish(tmp_path / how, *words, f"strategy.sparse_linear={how}") for how in ("false", "true")
    )
    assert len(set(sparse.ranks)) == 1
    assert sparse.ranks != whole.ranks  # the order of sums
    assert sparse.accuracies.last.test == pytest.approx(whole.accuracies.last.test, abs=1)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["set", "rigl_itop"])
def test_two_processes_grow_the_same_weights(tmp_path: Path, method: str) -> None:
    ddp = ("strategy=ddp", "strategy.accelerator=cpu", "strategy.devices=2")
    record = finish(tmp_path, "recipe.epochs=4", f"method={method}", *ddp)
    assert len(record.ranks) == 2
    assert len(set(record.ranks)) == 1
    assert record.weights is not None
    assert record.weights.regrowth is not None
    assert record.weights.regrowth.updates >= 3


@pytest.mark.slow
def test_two_processes_remove_the_same_channels(tmp_path: Path) -> None:
    ddp = ("strategy=ddp", "strategy.accelerator=cpu", "strategy.devices=2")
    running = command(tmp_path, "method=rni", "sparsity=0.5", "recipe.epochs=2", *ddp)
    subprocess.run(running, check=True, capture_output=True, timeout=120)
    records = [read_record(path) for path in tmp_path.glob("*/record.json")]
    assert len(records) == 2
    assert all(len(set(r.ranks)) == 1 and len(r.ranks) == 2 for r in records)


@pytest.mark.slow
def test_a_killed_run_of_two_processes_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    options = ("recipe.epochs=12", "method=snip", "strategy=ddp")
    options += ("strategy.accelerator=cpu", "strategy.devices=2")
    words = command(tmp_path / "killed", *options)
    silent = subprocess.DEVNULL
    running = subprocess.Popen(words, stdout=silent, stderr=silent, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("killed/*/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not list(tmp_path.rglob("record.json"))
    resumed = finish(tmp_path / "killed", *options)
    undisturbed = finish(tmp_path / "whole", *options)
    for name in ("ranks", "accuracies"):
        assert getattr(resumed, name) == getattr(undisturbed, name), name
