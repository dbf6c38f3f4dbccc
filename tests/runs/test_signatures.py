"""Signatures are read from source, and nothing is imported for them."""

import sys
from pathlib import Path

import pytest

from goldpan.runs.signatures import find_signature, public_names

SOURCE = """
from dataclasses import dataclass
from functools import partial, wraps
from .inner import helper as renamed

def plain(a, b=1, *, c, d=2): ...
def free(a, **rest): ...
@wraps(plain)
def changed(a): ...
class Base:
    def __init__(self, x, y=0): ...
class Child(Base):
    def __init__(self, z, **rest): ...
class Silent(Base): ...
class Empty: ...
@dataclass
class Data:
    one: int
    two: int = 2
bound = partial(plain, c=3)
try:
    import nothing
except ImportError:
    def late(a): ...
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a package that must not be imported, with SOURCE as its module `parts`."""
    name = f"package_of_{tmp_path.name}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / name / "parts.py").write_text(f"{SOURCE}\nraise SystemExit('imported')")
    (tmp_path / name / "inner.py").write_text("def helper(q): ...")
    (tmp_path / name / "open.py").write_text("def __getattr__(name): ...")
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.mark.parametrize(
    ("target", "names", "required", "free"),
    [
        ("plain", "abcd", "ac", False),
        ("free", "a", "a", True),
        ("Base", "xy", "x", False),
        ("Child", "zxy", "z", False),
        ("Silent", "xy", "x", False),
        ("Empty", "", "", False),
        ("bound", "abcd", "a", False),
        ("renamed", "q", "q", False),
        ("late", "a", "a", False),
    ],
)
def test_what_a_function_or_class_takes(
    target: str, names: str, required: str, free: bool, package: str
) -> None:
    signature = find_signature(f"{package}.parts.{target}")
    assert signature is not None
    assert signature.names == tuple(names)
    assert signature.required == {*required}
    assert signature.free == free
    assert f"{package}.parts" not in sys.modules


def test_a_dataclass_takes_its_fields(package: str) -> None:
    signature = find_signature(f"{package}.parts.Data")
    assert signature is not None
    assert (signature.names, signature.required) == (("one", "two"), {"one"})


@pytest.mark.parametrize("target", ["parts.changed", "parts.Base.method", "open.anything"])
def test_what_the_source_does_not_tell_is_none(target: str, package: str) -> None:
    assert find_signature(f"{package}.{target}") is None


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("no_such_module_at_all.f", "there is no module no_such_module_at_all"),
        ("{}.parts.nothing_here", "does not exist"),
        ("{}.parts", "is a module; name a function or class in it"),
        ("{}.parts.None_.method", "there is no None_ in {}.parts"),
    ],
)
def test_what_does_not_exist_is_said(target: str, sentence: str, package: str) -> None:
    with pytest.raises(LookupError, match=sentence.format(package)):
        find_signature(target.format(package))


def test_public_names_are_those_of_the_module(package: str) -> None:
    names = public_names(f"{package}.parts.f")
    assert {"plain", "Base", "bound", "renamed", "dataclass"} <= {*names}
