import sys
from pathlib import Path

import pytest
from filelock import FileLock

from goldpan.runs.record import LOCK
from goldpan.sweeps.cells import plan
from goldpan.sweeps.launchers.remote import RemoteCell
from goldpan.sweeps.launchers.slurm_job import CellJob
from goldpan.sweeps.work import BUSY, Resources

CONF = Path(__file__).parents[3] / "conf"


@pytest.fixture
def remote(tmp_path: Path) -> RemoteCell:
    (cell,) = plan(["logger=none", f"output={tmp_path}"], CONF).runs
    return RemoteCell(cell, Resources(threads=1), str(tmp_path), tuple(sys.path))


def test_a_job_has_the_exit_code_of_its_cell(
    remote: RemoteCell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    remote.cell.folder.mkdir()
    with FileLock(remote.cell.folder / LOCK):
        assert CellJob()(remote) == BUSY


def test_a_job_at_its_time_limit_is_submitted_again_with_its_cell(remote: RemoteCell) -> None:
    pytest.importorskip("submitit")
    again = CellJob().checkpoint(remote)
    assert isinstance(again.function, CellJob)
    assert again.args == (remote,)
