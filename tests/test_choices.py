from pathlib import Path

import pytest

from goldpan.choices import bad_choice

CONF = Path(__file__).parents[1] / "conf"


def test_an_unknown_option_is_answered_with_those_that_exist() -> None:
    sentence = bad_choice(["-m", "sparsity=0.9", "schedule=linear,cubical"], CONF)
    assert sentence == (
        "schedule is one of cubic, exponential, linear, one_shot; got cubical (did you mean cubic?)"
    )


@pytest.mark.parametrize(
    "argument",
    ["method=snip", "method=snip,grasp", "sparsity=0.9", "--help", "method.pruner.rounds=3", "-m"],
)
def test_what_exists_or_is_no_group_passes(argument: str) -> None:
    assert bad_choice([argument], CONF) is None
