import json
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from goldpan.runs.record import LOCK
from goldpan.sweeps.cells import plan
from goldpan.sweeps.launchers import slurm_job
from goldpan.sweeps.launchers.remote import RemoteCell
from goldpan.sweeps.launchers.slurm_job import CellJob
from goldpan.sweeps.work import BUSY, Resources

CONF = Path(__file__).parents[3] / "conf"


@pytest.fixture
def remote(tmp_path: Path) -> RemoteCell:
    (cell,) = plan(["logger=none", f"output={tmp_path}"], CONF).runs
    return RemoteCell(cell, Resources(threads=1), str(tmp_path), tuple(sys.path))


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which a job that runs in this process leaves its result."""
    pytest.importorskip("submitit")
    monkeypatch.chdir(tmp_path)
    for name, value in (("EXECUTOR", "local"), ("LOCAL_JOB_ID", "7"), ("FOLDER", str(tmp_path))):
        monkeypatch.setenv(f"SUBMITIT_{name}", value)
    return tmp_path / "7_0_result.json"


def test_a_job_has_the_exit_code_of_its_cell_and_leaves_it(
    remote: RemoteCell, result: Path
) -> None:
    remote.cell.folder.mkdir()
    with FileLock(remote.cell.folder / LOCK):
        assert CellJob()(remote) == BUSY
    assert json.loads(result.read_text()) == {"code": BUSY}


def test_a_job_that_fails_outside_its_cell_leaves_why(
    remote: RemoteCell, result: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_time(remote: RemoteCell) -> int:
        raise RuntimeError("timed-out too many times")

    monkeypatch.setattr(slurm_job, "_run", out_of_time)
    with pytest.raises(RuntimeError, match="timed-out"):
        CellJob()(remote)
    assert json.loads(result.read_text()) == {"error": "timed-out too many times"}


def test_a_job_at_its_time_limit_is_submitted_again_with_its_cell(remote: RemoteCell) -> None:
    pytest.importorskip("submitit")
    again = CellJob().checkpoint(remote)
    assert isinstance(again.function, CellJob)
    assert again.args == (remote,)
