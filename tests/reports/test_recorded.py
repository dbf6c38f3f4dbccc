"""The code of a run's own commit, and the fingerprint that it gives."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import goldpan
from goldpan.reports import recorded as module
from goldpan.reports.recorded import recorded
from goldpan.runs.fingerprint import code_fingerprint


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with goldpan's files as they are now, in one commit."""
    inside = shutil.copytree(Path(goldpan.__file__).parent, tmp_path / "src/goldpan")
    monkeypatch.setattr(module, "__file__", str(inside / "reports/recorded.py"))
    return tmp_path


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@y", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


def test_the_code_of_a_commit_gives_the_fingerprint_of_then(made_up: Any, history: Path) -> None:
    made_up.finish()
    record = made_up.results.records[0]
    choices = {
        "dataset": {"name": "digits"},
        "method": {"scorer": {"_target_": "goldpan.scorers.snip.snip"}},
    }
    today = code_fingerprint(choices)
    git(history, "init", "-q")
    git(history, "add", ".")
    git(history, "commit", "-q", "-m", "then")
    then = git(history, "rev-parse", "--short=12", "HEAD")
    scorer = history / "src/goldpan/scorers/snip.py"
    scorer.write_text(scorer.read_text() + "\nCHANGED = True\n")
    git(history, "commit", "-q", "-a", "-m", "later")
    later = git(history, "rev-parse", "--short=12", "HEAD")
    runs = [
        replace(
            record,
            identity=replace(record.identity, id=name, choices=choices),
            origin=replace(record.origin, commit=commit),
        )
        for name, commit in (("a", then), ("b", f"{then}-dirty"), ("c", later), ("d", "0123abc"))
    ]
    found = recorded(runs)
    assert found["a"] == found["b"] == today != found["c"]
    assert found.keys() == {"a", "b", "c"}  # the commit of d is nowhere
