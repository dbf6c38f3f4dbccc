"""What a W&B server receives: a sweep online, the same one synced later, and a run that was killed.

The server is openwandb, for tests alone; its answers are read, its pages are not.
"""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from goldpan.runs.record import Record, read_record
from goldpan.runs.told import describe, summarize

ROOT = Path(__file__).parents[2]
SWEEP = ("-m", "method=snip,magnitude", "sparsity=0.5,0.8", "recipe.epochs=2")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("openwandb"), reason="openwandb is not installed"),
]


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server on this machine that is empty at first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, address = tmp_path_factory.mktemp("server"), f"http://127.0.0.1:{port}"
    words = ["serve", "--host", "127.0.0.1", "-p", str(port), "--data-dir", str(data)]
    with (
        (data / "log.txt").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "openwandb", *words], stdout=log, stderr=log
        ) as process,
    ):
        try:
            _await(address, process)
            yield address
        finally:
            process.terminate()


def _await(address: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        try:
            urlopen(address, timeout=5).close()
            return
        except (URLError, TimeoutError):
            assert process.poll() is None, "the server ended"
            time.sleep(0.2)
    raise TimeoutError(f"no server at {address}")


@pytest.fixture
def environment(server: str, tmp_path: Path) -> dict[str, str]:
    """The variables of a user of that server, and no others of W&B."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    python = os.pathsep.join(path for path in sys.path if path)
    return own | {
        "WANDB_BASE_URL": server,
        "WANDB_API_KEY": "local" + "0" * 40,
        "WANDB_CONFIG_DIR": str(tmp_path / "config"),
        "PYTHONPATH": python,
        "OMP_NUM_THREADS": "1",
    }


def command(output: Path, *words: str) -> list[str]:
    run = [sys.executable, str(ROOT / "run.py"), "model=lenet_300_100", f"output={output}"]
    return [*run[:2], *words, *run[2:]]


def answer(server: str, place: str) -> Any:
    with urlopen(f"{server}/api/v2/{place}", timeout=30) as reply:
        return json.load(reply)


def received(server: str, project: str) -> dict[str, dict[str, Any]]:
    """The runs of a project, by id."""
    return {
        run["run_id"]: run for run in answer(server, f"projects/default/{project}/runs")["runs"]
    }


def curve(server: str, run: str, metric: str) -> list[tuple[float, float]]:
    """A metric by the training step, in the order in which W&B shows it."""
    found = answer(server, f"runs/{run}/metrics")["metrics_by_key"]
    steps = {row["step"]: row["value"] for row in found["trainer/global_step"]}
    rows = {row["step"]: row["value"] for row in found[metric]}  # one step, one point
    return [(steps[step], rows[step]) for step in sorted(rows)]


def written(folder: Path, metric: str) -> list[tuple[float, float]]:
    """The same of metrics.csv, whose step counts from 1."""
    with (folder / "metrics.csv").open() as file:
        return [(float(row["step"]) - 1, float(row[metric])) for row in csv.DictReader(file)]


def check(server: str, project: str, output: Path) -> None:
    """Whether the server has what lies in the folder."""
    folders = {path.parent: read_record(path) for path in output.glob("*/record.json")}
    runs = received(server, project)
    assert {record.identity.id for record in folders.values()} == runs.keys()
    for folder, record in folders.items():
        run = runs[record.identity.id]
        assert run["state"] == "finished"
        _check_words(run, record)
        found = curve(server, record.identity.id, "val/accuracy")
        assert found == [
            pytest.approx(point, rel=1e-5) for point in written(folder, "val/accuracy")
        ]


def _check_words(run: dict[str, Any], record: Record) -> None:
    told = {name: entry["value"] for name, entry in run["config"].items() if name != "_wandb"}
    names = describe(record.identity)
    del names["choices"]
    assert {name: told[name] for name in names} == names
    summary = summarize(record)
    assert {name: run["summary"][name] for name in summary} == pytest.approx(summary)
    assert record.identity.method in run["tags"]


def test_a_sweep_arrives_online(server: str, environment: dict[str, str], tmp_path: Path) -> None:
    words = command(tmp_path, *SWEEP, "logger.mode=online")
    subprocess.run(words, check=True, env=environment | {"WANDB_PROJECT": "online"})
    check(server, "online", tmp_path)
    assert len(received(server, "online")) == 4


def test_a_sweep_arrives_by_sync(server: str, environment: dict[str, str], tmp_path: Path) -> None:
    words = command(tmp_path, *SWEEP, "logger.project=synced")
    subprocess.run(words, check=True, env=environment)
    assert received(server, "synced") == {}
    sync = [sys.executable, "-m", "wandb", "sync", "--yes"]
    subprocess.run(sync, check=True, env=environment, cwd=tmp_path)
    check(server, "synced", tmp_path)
    assert len(received(server, "synced")) == 4


def test_a_run_that_was_killed_and_resumed_is_one_run_with_one_curve(
    server: str, environment: dict[str, str], tmp_path: Path
) -> None:
    words = command(tmp_path, "recipe.epochs=25", "logger.mode=online", "logger.project=killed")
    with subprocess.Popen(words, env=environment) as first:
        while not any(len(p.read_text().splitlines()) > 5 for p in tmp_path.glob("*/metrics.csv")):
            assert first.poll() is None, "it ended before it could be killed"
            time.sleep(0.05)
        first.send_signal(signal.SIGKILL)
    subprocess.run(words, check=True, env=environment)
    check(server, "killed", tmp_path)
    assert len(received(server, "killed")) == 1
