import os
import sys
from pathlib import Path

import pytest

from goldpan.sweeps.cells import plan
from goldpan.sweeps.launchers.remote import RemoteCell
from goldpan.sweeps.work import Resources

CONF = Path(__file__).parents[3] / "conf"


def test_a_remote_cell_takes_its_senders_folder_and_import_path_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cell,) = plan(["logger=none"], CONF).runs
    here = os.getcwd()
    with monkeypatch.context() as patched:
        patched.chdir(tmp_path)
        patched.setattr(sys, "path", [*sys.path, "somewhere"])
        remote = RemoteCell.from_here(cell, Resources())
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [*sys.path])
    remote.enter()
    assert Path.cwd() == tmp_path
    assert sys.path.count("somewhere") == 1
    remote.enter()
    assert sys.path.count("somewhere") == 1
