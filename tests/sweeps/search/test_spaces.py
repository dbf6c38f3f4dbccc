import sys

import pytest

from goldpan.sweeps.search.spaces import read_spaces

pytest.importorskip("optuna")


def test_a_space_is_read_from_what_was_typed() -> None:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    fixed, space = read_spaces(
        [
            *("seed=3", "a=interval(0,1)", "b=tag(log,interval(1,8))", "c=int(interval(1,8))"),
            *("d=range(1,9)", "e=range(2,9,3)", "f=choice(snip,grasp)", "g='[1,2]',x"),
        ]
    )
    assert fixed == ["seed=3"]
    assert space == {
        "a": FloatDistribution(0, 1),
        "b": FloatDistribution(1, 8, log=True),
        "c": IntDistribution(1, 8),
        "d": IntDistribution(1, 8),
        "e": CategoricalDistribution(["2", "5", "8"]),
        "f": CategoricalDistribution(["snip", "grasp"]),
        "g": CategoricalDistribution(["'[1,2]'", "x"]),
    }


def test_without_optuna_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match="pip install -e"):
        read_spaces(["seed=1,2"])
