import subprocess
from importlib.metadata import version

import pytest

from goldpan.runs import provenance
from goldpan.runs.provenance import LIBRARIES, commit, hardware, is_first_rank, is_release, versions


def test_versions_are_those_of_python_and_the_libraries() -> None:
    found = versions()
    assert found.keys() == {"python", *LIBRARIES}
    assert all(value[0].isdigit() for value in found.values())


def test_the_hardware_has_a_processor_and_threads() -> None:
    found = hardware()
    assert found["cpu"]
    assert int(found["threads"]) >= 1


def test_the_commit_says_if_files_have_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"rev-parse": "0123456789ab", "status": ""}
    monkeypatch.setattr(provenance, "_git", lambda *words, at: answers[words[0]])
    assert commit() == "0123456789ab"
    answers["status"] = "M run.py"
    assert commit() == "0123456789ab-dirty"


def test_without_git_it_is_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*words: str, at: object) -> str:
        raise subprocess.CalledProcessError(128, words)

    monkeypatch.setattr(provenance, "_git", fail)
    assert commit() == f"goldpan {version('goldpan')}"
    assert is_release(commit())


def test_an_installed_goldpan_asks_no_git_of_the_folder_that_it_lies_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(provenance, "checkout", lambda: None)
    monkeypatch.setattr(provenance, "_git", lambda *words, at: "0123456789ab")
    assert is_release(commit())


@pytest.mark.parametrize(("name", "rank"), [("LOCAL_RANK", "1"), ("NODE_RANK", "2")])
def test_only_the_first_rank_writes(name: str, rank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOCAL_RANK", "NODE_RANK"):
        monkeypatch.delenv(variable, raising=False)
    assert is_first_rank()
    monkeypatch.setenv(name, "0")
    assert is_first_rank()
    monkeypatch.setenv(name, rank)
    assert not is_first_rank()
