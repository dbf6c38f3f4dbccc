"""run.py itself: one sentence on stderr, exit code 1, nothing else, before any work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / "run.py"
SHORT = ("model=vgg11", "model.width=0.25", "recipe.epochs=1", "strategy.threads=1", "logger=none")


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
    return subprocess.run(
        [sys.executable, str(RUN), *words],
        capture_output=True,
        text=True,
        env=kept | environment,
        cwd=RUN.parent,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["recipe.optimizer.lr=-0.1"], "recipe.optimizer.lr is a number from 0 on; got -0.1"),
        (["recipe.epoch=3"], "recipe.epoch is no option; did you mean recipe.epochs?"),
        (["seed=0,1"], "seed=0,1 has several values: type -m for a sweep of them, or brackets"),
        (["method=snp"], "(did you mean snip?)"),
        (["~method"], "method is missing; it is a group of options"),
        (["output='a"], "put it in quotes"),
        (["--mutlirun"], "--mutlirun is no flag; did you mean --multirun?"),
        (
            ["-m", "hydra/sweeper=search", "fail_fast=true", "seed=0,1"],
            "fail_fast=true ends a sweep; a search takes a failed cell for a trial without a value",
        ),
        (["-m", "hydra/sweeper=nope"], "hydra/sweeper is one of basic, goldpan, search; got nope"),
        (
            ["method=snip", "-m", "seed=0,1", "recipe.batch_size=64.5"],
            "recipe.batch_size is a whole number from 1 on; got 64.5 (in 2 of 2 cells)",
        ),
        (
            ["method=snip,dense", "-m", "dataset=image_folder", "dataset.root=nowhere.zip"],
            "nowhere.zip, got nothing there; set dataset.root to where they are (in 2 of 2 cells)",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_is_answered_in_one_sentence(
    words: list[str], sentence: str, tmp_path: Path
) -> None:
    done = run(*SHORT, f"output={tmp_path / 'out'}", *words)
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.returncode == 1
    assert not done.stdout
    assert not list(tmp_path.rglob("*.json"))


def test_a_dry_run_lists_the_cells_and_writes_nothing(tmp_path: Path) -> None:
    done = run(*SHORT, f"output={tmp_path}", "-m", "seed=0,1", "--dry-run")
    assert done.stdout.splitlines()[-2] == "2 cells: 2 to do"
    assert done.returncode == 0
    assert not list(tmp_path.iterdir())


def test_hydra_full_error_shows_the_traceback(tmp_path: Path) -> None:
    done = run(*SHORT, f"output={tmp_path}", "recipe.epochs=0", HYDRA_FULL_ERROR="1")
    assert "Traceback" in done.stderr
    assert "recipe.epochs is a duration above 0 such as 25000it, 10ep or 10; got 0" in done.stderr


def test_no_weight_left_is_refused_before_training(tmp_path: Path) -> None:
    done = run(*SHORT, f"output={tmp_path}", "sparsity=0.9999999")
    assert "leaves none of this model's" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.returncode == 1


def test_a_run_says_in_a_line_how_it_ended_and_nothing_else(tmp_path: Path) -> None:
    ended = run("model=lenet_300_100", *SHORT[2:], f"output={tmp_path}")
    assert ended.returncode == 0
    assert ended.stderr == ""
    (line,) = ended.stdout.splitlines()
    assert ": finished, test accuracy " in line
