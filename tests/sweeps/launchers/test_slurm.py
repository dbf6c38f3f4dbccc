"""The launcher of SLURM, tried with processes of submitit and with commands that imitate SLURM."""

import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from goldpan.runs.experiment import read_done
from goldpan.runs.record import RECORD, read_record
from goldpan.sweeps.cells import Cell, plan
from goldpan.sweeps.launchers import slurm_queue
from goldpan.sweeps.launchers.slurm import JOB, slurm
from goldpan.sweeps.work import BUSY, FAILED

pytest.importorskip("submitit")

HERE = Path(__file__).parents[1]
CONF = HERE.parents[1] / "conf"
TINY = ("model=lenet_300_100", "dataset.limit=200", "recipe.epochs=1", "logger=none")
COMMAND = (sys.executable, "run.py")


def cells(folder: Path, *arguments: str) -> list[Cell]:
    return plan([*TINY, "strategy.threads=1", f"output={folder}", *arguments], CONF).runs


def error(cell: Cell) -> str:
    return str(read_record(cell.folder / RECORD).error)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """cluster("7_0 TIMEOUT", ...) puts sbatch, which calls every array 7, and squeue on the path.

    It returns the folder of what the jobs leave; sbatch tells in it that it was called.
    """
    monkeypatch.setattr(slurm_queue, "LAG", -1)
    monkeypatch.setattr("goldpan.sweeps.launchers.slurm.time.sleep", lambda _: None)
    commands, jobs = tmp_path / "bin", tmp_path / "slurm"
    commands.mkdir()
    jobs.mkdir()
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")

    def made(*lines: str, squeue: int = 0) -> Path:
        answers = {
            "srun": "",
            "sbatch": f"touch {jobs}/called; echo Submitted batch job 7",
            "squeue": f"cat {commands}/lines; exit {squeue}",
        }
        (commands / "lines").write_text("\n".join(lines))
        for name, answer in answers.items():
            (commands / name).write_text(f"#!/bin/sh\n{answer}\n")
            (commands / name).chmod(0o755)
        return jobs

    return made


def leave(jobs: Path, job: str, **result: object) -> None:
    (jobs / f"{job}_0_result.json").write_text(json.dumps(result))


def run(some: list[Cell]) -> dict[str, int]:
    ends: dict[str, int] = {}
    slurm(some, lambda cell, code: ends.update({cell.axes["seed"]: code}), COMMAND)
    return ends


def test_a_job_is_a_cell_and_a_crash_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(HERE))
    scorers = "goldpan.scorers.snip.snip,scorers_that_fail.segfaults"
    good, bad = cells(Path("outputs"), f"method.pruner.scorer._target_={scorers}")
    ends: dict[Path, int] = {}
    slurm(
        [good, bad],
        lambda cell, code: ends.update({cell.folder: code}),
        COMMAND,
        cluster="local",
        array_parallelism=2,
    )
    assert ends == {good.folder: 0, bad.folder: -11}
    assert read_done(good.folder) is not None
    assert list((tmp_path / "outputs/slurm").glob("*_result.json"))


def test_jobs_that_leave_a_result_end_with_its_code(
    tmp_path: Path, cluster: Callable[..., Path]
) -> None:
    jobs = cluster("7_0 COMPLETED", "7_1 COMPLETED", "7_2 FAILED")
    leave(jobs, "7_0", code=0)
    leave(jobs, "7_1", code=BUSY)
    leave(jobs, "7_2", error="Job not requeued because: timed-out too many times.")
    some = cells(tmp_path, "seed=0,1,2")
    assert run(some) == {"0": 0, "1": BUSY, "2": FAILED}
    assert "timed-out too many times" in error(some[2])


def test_jobs_that_leave_none_end_as_the_queue_says(
    tmp_path: Path, cluster: Callable[..., Path]
) -> None:
    jobs = cluster("7_0 TIMEOUT", "7_1 OUT_OF_MEMORY")
    (jobs / "7_1_0_log.err").write_text("slurmstepd: error: Exceeded job memory limit\n")
    some = cells(tmp_path, "seed=0,1,2")
    assert run(some) == {"0": FAILED, "1": FAILED, "2": FAILED}
    assert error(some[0]) == "job 7_0 ended: TIMEOUT"
    assert error(some[1]) == "job 7_1 ended: OUT_OF_MEMORY (Exceeded job memory limit)"
    assert error(some[2]) == "job 7_2 ended: it is not known"


def test_typed_again_it_waits_for_jobs_in_the_queue_and_submits_none(
    tmp_path: Path, cluster: Callable[..., Path]
) -> None:
    jobs = cluster("7_0 TIMEOUT", "7_1 TIMEOUT")
    run(cells(tmp_path, "seed=0,1"))
    (jobs / "called").unlink()
    cluster("7_0 RUNNING", "7_1 PENDING")
    leave(jobs, "7_0", code=0)
    leave(jobs, "7_1", code=0)
    again = cells(tmp_path, "seed=0,1")
    sent = [json.loads((cell.folder / JOB).read_text()) for cell in again]
    assert [one["job"] for one in sent] == ["7_0", "7_1"]
    assert run(again) == {"0": 0, "1": 0}
    assert not (jobs / "called").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "no srun here"),
        ({"cluster": "debug"}, "slurm or local"),
        ({"cluster": "local", "array_parallelism": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], sentence: str
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match=sentence):
        slurm(cells(tmp_path), lambda *_: None, COMMAND, **options)  # type: ignore[arg-type]


def test_without_submitit_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ImportError, match="pip install -e"):
        slurm(cells(tmp_path), lambda *_: None, COMMAND)


def test_sbatch_may_refuse(tmp_path: Path, cluster: Callable[..., Path]) -> None:
    cluster()
    refusal = "#!/bin/sh\necho 'sbatch: error: invalid partition specified: fast' >&2; exit 1\n"
    (tmp_path / "bin/sbatch").write_text(refusal)
    with pytest.raises(ValueError, match="invalid partition"):
        run(cells(tmp_path, "seed=0,1"))


class Harm:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_no_pickle_in_the_output_folder_is_opened(
    tmp_path: Path, cluster: Callable[..., Path]
) -> None:
    jobs = cluster("7_0 TIMEOUT")
    run(cells(tmp_path, "seed=0,1"))
    cluster("7_0 RUNNING", "7_1 COMPLETED")
    for name in ("7_0_submitted.pkl", "7_0_0_result.pkl", "7_1_0_result.pkl"):
        (jobs / name).write_bytes(pickle.dumps(Harm(tmp_path / "harm")))
    leave(jobs, "7_0", code=0)
    assert run(cells(tmp_path, "seed=0,1")) == {"0": 0, "1": FAILED}
    assert not (tmp_path / "harm").exists()


def test_a_result_that_is_none_is_a_failure(tmp_path: Path, cluster: Callable[..., Path]) -> None:
    jobs = cluster("7_0 COMPLETED", "7_1 COMPLETED")
    leave(jobs, "7_0", code="0")
    (jobs / "7_1_0_result.json").write_text("[")
    some = cells(tmp_path, "seed=0,1")
    assert run(some) == {"0": FAILED, "1": FAILED}
    assert "is not what a job leaves" in error(some[0])


def test_a_folder_that_others_can_write_is_refused(
    tmp_path: Path, cluster: Callable[..., Path]
) -> None:
    cluster().chmod(0o777)
    with pytest.raises(ValueError, match=r"slurm can be written by other users; choose launcher"):
        run(cells(tmp_path, "seed=0,1"))


def test_a_job_whose_folder_others_can_write_is_refused(
    tmp_path: Path, cluster: Callable[..., Path]
) -> None:
    cluster("7_0 TIMEOUT", "7_1 TIMEOUT")
    some = cells(tmp_path, "seed=0,1")
    run(some)
    cluster("7_0 RUNNING", "7_1 RUNNING")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs").chmod(0o777)
    sent = {"job": "7_0", "folder": str(tmp_path / "theirs"), "started": "2026"}
    (some[0].folder / JOB).write_text(json.dumps(sent))
    with pytest.raises(ValueError, match=r"theirs can be written by other users"):
        run(cells(tmp_path, "seed=0,1"))


@pytest.mark.parametrize("text", ["7_0 /a/folder", "[]", "{}", '{"job": 7}'])
def test_a_job_file_of_another_kind_names_no_job(
    tmp_path: Path, cluster: Callable[..., Path], text: str
) -> None:
    jobs = cluster("7_0 RUNNING", "7_1 RUNNING")
    some = cells(tmp_path, "seed=0,1")
    some[0].folder.mkdir(parents=True)
    (some[0].folder / JOB).write_text(text)
    leave(jobs, "7_0", code=0)
    leave(jobs, "7_1", code=0)
    assert run(some) == {"0": 0, "1": 0}
    assert (jobs / "called").exists()
