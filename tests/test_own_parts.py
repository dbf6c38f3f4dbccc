"""Parts of the user's own, from outside: the commands of docs/own_parts.md, word for word."""

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from goldpan.command import main as command
from goldpan.reports.command import main
from goldpan.runs.code import _code_digest, modules

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/own_parts.md").read_text()
EXAMPLES = ROOT / "examples/own_parts"
COMMANDS = [
    shlex.split(line)
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
METHOD = """
defaults:
  - /pruner/before_training@pruner
pruner:
  scorer: {_target_: their_scorer.ours, _partial_: true}
"""
SCORER = """
from goldpan.gradients import effective_weights


def ours(model, batches, loss):
    return {name: weight.detach().abs() for name, weight in effective_weights(model).items()}
"""
TABLE = """
# @package _global_
hydra:
  mode: MULTIRUN
  sweeper: {params: {method: ours, sparsity: "0.5", seed: "0,1"}}
table: {paper: "none", metric: last, rows: method, columns: sparsity, published: []}
"""
LIGHT = ("logger=none", "strategy.threads=1", "dataset.limit=400")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder that has nothing but the examples, and a path that is put back."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def run_script(name: str) -> None:
    """Run a script of the repository as if its name had been typed; it must succeed."""
    if name == "run.py":
        assert not command()  # its last line would exit
    else:
        runpy.run_path(str(ROOT / name), run_name="__main__")


def test_every_command_of_the_page_works(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for python, script, *words in COMMANDS:
        assert python == "python"
        light = LIGHT if script == "run.py" else ()
        monkeypatch.setattr(sys, "argv", [script, *words, *light])
        run_script(script)
    printed = capsys.readouterr().out
    records = [json.loads(path.read_text()) for path in elsewhere.glob("outputs/*/record.json")]
    names = {f"{r['identity']['setting']} {r['identity']['method']}": r["status"] for r in records}
    assert {*names.values()} == {"finished"}, names
    for part in ("digits my_network.build quick", "digits my_network quick", "photos", "my_scorer"):
        assert any(part in name for name in names), part
    assert "photos: 10 classes (digit_0, digit_1" in printed
    assert "8 x 8 pixels, grey" in printed
    folders = {path.name for path in elsewhere.glob("outputs/*")}
    assert any(name.startswith("digits-my_network.build-snip-") for name in folders)


def test_a_sweep_from_outside_runs_and_sees_that_the_users_code_changed(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "mine/method").mkdir(parents=True)
    (elsewhere / "mine/table").mkdir()
    (elsewhere / "mine/table/ours.yaml").write_text(TABLE)
    (elsewhere / "mine/method/ours.yaml").write_text(METHOD)
    module = elsewhere / "their_scorer.py"  # of the current folder
    module.write_text(SCORER)
    words = ["-cd", "mine", "+table=ours", "model=lenet_300_100", "recipe.epochs=1", *LIGHT]
    monkeypatch.setattr(sys, "argv", ["run.py", *words])
    run_script("run.py")
    assert "2 cells: 2 finished" in capsys.readouterr().out
    assert main(words) == 0
    assert "| ours |" in capsys.readouterr().out
    module.write_text(SCORER.replace("abs()", "square()"))
    for cached in (_code_digest, modules):
        cached.cache_clear()  # as in another process
    monkeypatch.setattr(sys, "argv", ["run.py", *words])
    run_script("run.py")
    assert "2 stale, the code changed since" in capsys.readouterr().out


def test_the_page_shows_every_example() -> None:
    files = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.[py][ya]*")}
    linked = set(re.findall(r"examples/own_parts/([\w/.]+)\)", PAGE))
    assert linked == {name for name in files if "__pycache__" not in name} - {
        "model/my_network.yaml"
    }
