"""--dry-run lists what a command would do."""

from pathlib import Path
from typing import Any

import pytest

from goldpan.runs.record import RECORD
from goldpan.runs.rerun import MADE_BY
from goldpan.sweeps.dry_run import dry_run

CONF = Path(__file__).parents[2] / "conf"


def listed(folder: Path, *words: str) -> list[str]:
    text = dry_run(["--dry-run", "-m", "logger=none", f"output={folder}", *words], CONF, folder)
    return [" ".join(line.split()) for line in text.splitlines()]


def test_each_cell_has_its_state_and_its_minutes(cells: Any, tmp_path: Path) -> None:
    done, failed, cut, over, _to_do = cells("seed=0,1,2,3,4")
    cells.finish(done, 600)
    failed.folder.mkdir()
    failed.draft.write(failed.folder / RECORD)
    for cell in (cut, over):
        cells.train(cell, 4, 30)
    (over.folder / MADE_BY).write_text("other code")
    before = sorted(tmp_path.rglob("*"))
    assert listed(tmp_path, "seed=0,1,2,3,4") == [
        "cell state minutes",
        "seed=0 done -",
        "seed=1 failed -",
        "seed=2 cut short at epoch 4 of 10 6.0",
        "seed=3 to do: the code changed since epoch 4 of 10 10.0",
        "seed=4 to do 10.0",
        "5 cells: 1 done, 1 failed, 1 cut short, 2 to do",
        "would run 3: 26.0 minutes one after another",
    ]
    assert sorted(tmp_path.rglob("*")) == before
    assert listed(tmp_path, "seed=1", "rerun=failed")[-1].startswith("would run 1: 10.0 minutes")


def test_what_no_record_tells_is_unknown(cells: Any, tmp_path: Path) -> None:
    (broken,) = cells("seed=0")
    cells.finish(broken, 60)
    (broken.folder / RECORD).write_text("broken")
    *_, counts, total = listed(tmp_path, "seed=0,1", "method=snip,grasp")
    assert counts == "4 cells: 1 failed, 3 to do"
    assert total == "would run 3: for an unknown time"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["seed=0,1"], "seed=0,1 has several values: type -m for a sweep of them"),
        (["-m", "--cfg", "job"], "--dry-run takes no other flag than -m; got --cfg"),
        (["-m", "hydra/sweeper=search"], "a search finds its own as it goes"),
        (["sparsity=2"], "sparsity is a fraction"),
    ],
)
def test_what_the_command_refuses_is_refused(words: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        dry_run(["--dry-run", *words], CONF)
