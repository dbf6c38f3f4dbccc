"""What a kind accepts, and the words that say so."""

from typing import Any

import pytest

from goldpan.runs import kinds
from goldpan.runs.kinds import Kind, either, list_of, null_or, one_of, real, whole


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (whole(1), [1, 10**30], [0, -1, 1.0, True, "1", None]),
        (whole(0, 3), [0, 3], [4, -1]),
        (real("[0, 1)"), [0, 0.5], [1, -1e-9, float("nan"), True, "0"]),
        (real("(0, 1]"), [1, 1e-9], [0, 1.1]),
        (real("(0, inf)"), [1e300], [0, float("inf"), 10**400]),
        (one_of("a", "b"), ["a"], ["c", "", None, ["a"]]),
        (null_or(whole(1)), [None, 1], [0, "null"]),
        (either(whole(1), one_of("auto")), [1, "auto"], [0, "no"]),
        (list_of(whole(1)), [[], [1, 2]], [[0], 1, (1,)]),
        (list_of(whole(1), least=2, most=2), [[1, 2]], [[1], [1, 2, 3]]),
        (kinds.FLAG, [True, False], [1, "true", None]),
        (kinds.TEXT, ["a"], ["", " ", "a\0b", 1]),
        (kinds.DURATION, ["10ep", "500it", "0.75", 0.5, 0, 20], ["ten", True, None, "1parsec", []]),
        (kinds.SPAN, ["1it", 0.5, 20], [0, "0it", "0.0", None]),
        (kinds.LENGTH, ["10ep", "1.5ep", "500it", 20], [0, "0it", 0.5, "1.0", None]),
        (kinds.DOTTED, ["a.b", "a.b.C"], ["a", "a.", ".b", "a b.c", "1.2"]),
        (kinds.FOLDER, ["a/b"], ["s3://a", "", 1]),
        (kinds.PART, [{"_target_": "a.b"}], [{}, "a.b", None]),
        (kinds.GROUP, [{}], [[], None]),
        (kinds.ANYTHING, [None, 1, []], []),
        (kinds.NOWHERE, [], [None, 1]),
    ],
    ids=lambda value: value.words if isinstance(value, Kind) else "",
)
def test_a_kind_takes_what_its_words_say(kind: Kind, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not kind.accepts(value)] == []
    assert [value for value in bad if kind.accepts(value)] == []


def test_the_words_follow_is() -> None:
    assert whole(1).words == "a whole number from 1 on"
    assert whole(0, 3).words == "a whole number from 0 to 3"
    assert real("[0, inf)").words == "a number from 0 on"
    assert real("(0, inf)").words == "a number above 0"
    assert one_of("a").words == "a"
    assert one_of("a", "b", "c").words == "a, b or c"
    assert null_or(one_of("a")).words == "a, or null"
    assert list_of(one_of("a"), least=1).words == "a list of at least 1 values, each a"
    assert list_of(one_of("a"), least=2, most=2).words == "a list of 2 values, each a"
