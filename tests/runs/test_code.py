"""What of Python code counts in a fingerprint, and what does not."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from goldpan.runs import code
from goldpan.runs.code import ONLY_WRITE, code_digest, modules

SCORER = '''"""A paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .helper import scale

if TYPE_CHECKING:
    from .types_only import Scores


def mine(model, batches, loss) -> Scores:
    """The weights' size."""
    return scale({})  # by name
'''
FILES = {
    "__init__.py": "",
    "scorer.py": SCORER,
    "helper.py": "import json\n\n\ndef scale(scores):\n    return scores\n",
    "types_only.py": "Scores = dict\n",
    "unrelated.py": "A = 1\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of a user's own, that can be imported and is not."""
    folder = tmp_path / "their_own"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(code, "MEMORY", tmp_path / "code.json")
    forget()
    yield folder
    forget()


def forget() -> None:
    """What a new process does not know."""
    for cached in (code._code_digest, code._spec, modules):
        cached.cache_clear()


def digest() -> str:
    forget()
    return code_digest(["their_own.scorer.mine"])


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("scorer.py", "scale({})", "scale({1: 2})"),
        ("helper.py", "return scores", "return 2 * scores"),
        ("__init__.py", "", "import this_too"),
    ],
)
def test_code_that_a_run_reaches_counts(package: Path, file: str, old: str, new: str) -> None:
    before = digest()
    path = package / file
    path.write_text(path.read_text().replace(old, new, 1))
    assert digest() != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("scorer.py", "  # by name", "  # by another name"),
        ("scorer.py", '"""A paper."""', '"""Another paper, of\n\ntwo lines."""'),
        ("scorer.py", "scale({})", "scale(\n        {},\n    )"),
        ("types_only.py", "dict", "list"),
        ("unrelated.py", "1", "2"),
    ],
)
def test_what_decides_nothing_does_not(package: Path, file: str, old: str, new: str) -> None:
    before = digest()
    path = package / file
    path.write_text(path.read_text().replace(old, new, 1))
    assert digest() == before


def test_a_module_is_read_once_as_long_as_it_stays(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest()
    monkeypatch.setattr(code.ast, "parse", lambda source: pytest.fail("it was read again"))
    assert digest() == before


def test_code_that_cannot_be_found_is_unknown() -> None:
    assert code_digest(["no_such_module.scorer"]) == ""


def test_a_file_with_an_error_counts_too(package: Path) -> None:
    (package / "helper.py").write_text("def broken(")
    assert digest() != ""


def test_installed_libraries_have_no_files() -> None:
    assert modules("torch.optim.SGD") == modules("json.dumps") == {}


def test_no_library_is_imported_for_it(package: Path) -> None:
    digest()
    assert "their_own" not in sys.modules


def test_scorers_follow_what_they_are_made_of() -> None:
    assert [*modules("goldpan.scorers.snip.snip")][-1] == "goldpan.scorers.snip"


def test_what_only_writes_is_still_there() -> None:
    """A module that was moved would count from then on."""
    for name in ONLY_WRITE:
        assert [*modules(name)][-1] == name


def test_the_names_of_the_library_count_as_an_empty_file(tmp_path: Path) -> None:
    empty, names = tmp_path / "empty.py", tmp_path / "names.py"
    empty.touch()
    names.write_text("from goldpan.api.pruning import prune\n")
    assert code._read("goldpan", names, {}) == code._read("goldpan", empty, {})
    assert code._read("their_own", names, {}) != code._read("their_own", empty, {})
