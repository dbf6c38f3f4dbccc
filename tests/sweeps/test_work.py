"""One cell in a process of its own, as launchers start it."""

from multiprocessing import get_context
from pathlib import Path

import pytest
from filelock import FileLock

from goldpan.runs.record import LOCK, RECORD, read_record
from goldpan.sweeps.cells import Cell, plan
from goldpan.sweeps.work import BUSY, DISK_FULL, FAILED, LOG, Resources, entry, several_processes

CONF = Path(__file__).parents[2] / "conf"


def cell(*arguments: str) -> Cell:
    (one,) = plan(["logger=none", *arguments], CONF).runs
    return one


def exit_code(one: Cell) -> int | None:
    process = get_context("spawn").Process(target=entry, args=(one, Resources(threads=1)))
    process.start()
    process.join(120)
    return process.exitcode


@pytest.mark.parametrize(
    ("overrides", "several"),
    [
        (["strategy=cpu"], False),
        (["strategy=gpu", "strategy.devices=auto"], False),
        (["strategy=gpu", "strategy.devices=2"], True),
        (["strategy=ddp", "strategy.devices=1"], True),
    ],
)
def test_which_cells_start_several_processes(overrides: list[str], several: bool) -> None:
    assert several_processes(cell(*overrides)) == several


def test_a_cell_that_another_process_does_is_busy(tmp_path: Path) -> None:
    one = cell(f"output={tmp_path}")
    one.folder.mkdir()
    with FileLock(one.folder / LOCK):
        assert exit_code(one) == BUSY
    assert not (one.folder / RECORD).exists()


def test_a_cell_that_is_refused_says_why_in_its_record_and_its_log(tmp_path: Path) -> None:
    one = cell(f"output={tmp_path}", "recipe.batch_size=5000")
    assert exit_code(one) == FAILED
    error = read_record(one.folder / RECORD).error
    assert "5000" in str(error)
    assert str(error) in (one.folder / LOG).read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_has_an_exit_code_of_its_own_whatever_the_log_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    one = cell(
        f"output={tmp_path}", "method.pruner.scorer._target_=scorers_that_fail.finds_no_room"
    )
    one.folder.mkdir()
    (one.folder / LOG).symlink_to("/dev/full")
    assert exit_code(one) == DISK_FULL
    assert "No space left on device" in str(read_record(one.folder / RECORD).error)
