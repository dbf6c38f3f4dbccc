from pathlib import Path

import pytest

from goldpan.runs.record import RECORD, read_record
from goldpan.sweeps.cells import plan
from goldpan.sweeps.launchers.launcher import describe_exit, record_failure
from goldpan.sweeps.work import DISK_FULL

CONF = Path(__file__).parents[3] / "conf"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (4, "its process ended with exit code 4"),
        (
            DISK_FULL,
            "the disk of the output folder is full; free some space, or choose another output",
        ),
        (-11, "its process was killed by SIGSEGV"),
        (-9, "its process was killed by SIGKILL, perhaps for want of memory"),
    ],
)
def test_an_exit_code_is_said_in_a_sentence(code: int, sentence: str) -> None:
    assert describe_exit(code) == sentence


def test_a_cell_that_could_not_write_its_record_gets_one(tmp_path: Path) -> None:
    (cell,) = plan(["logger=none", f"output={tmp_path}"], CONF).runs
    record = record_failure(cell, "its worker was lost")
    assert (record.status, record.error) == ("failed", "its worker was lost")
    assert read_record(cell.folder / RECORD) == record


def test_a_failure_that_cannot_be_written_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cell,) = plan(["logger=none", f"output={tmp_path}/file"], CONF).runs
    (tmp_path / "file").touch()
    record = record_failure(cell, "its worker was lost")
    assert record.error == (
        "its worker was lost; and its record cannot be written (Not a directory)"
    )
    assert capsys.readouterr().out == f"{cell.folder.name}: {record.error}\n"
