"""`import goldpan`: its names, how long it takes, and the examples in its docstrings."""

import doctest
import importlib
import subprocess
import sys

import pytest

import goldpan as gp


def test_importing_goldpan_loads_neither_torch_nor_hydra() -> None:
    code = "import sys, goldpan; print({'torch', 'hydra', 'numpy', 'omegaconf'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_public_name_is_there_and_no_other() -> None:
    assert {*gp.__all__} <= {*dir(gp)}
    for name in gp.__all__:
        assert callable(getattr(gp, name))
        assert getattr(gp, name).__doc__
    assert {*gp.__all__} == {name for names in gp._PLACES.values() for name in names}  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="goldpan has no prun; it has LayerCollapse"):
        gp.prun  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", ["masking", "pruning", "sizes"])
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"goldpan.api.{name}"))
    assert found.attempted > 2
    assert found.failed == 0
