"""The order of a comparison, and its quartiles; no time is asserted."""

import pytest
from benchmarks.measure import Pairs, compare, spread
from benchmarks.rows import at_least, at_most, seconds_at_most


def test_ours_and_the_rival_take_turns_in_going_first() -> None:
    order: list[str] = []
    pairs = compare(lambda: order.append("A"), lambda: order.append("B"), 0.0, least=4)
    assert "".join(order) == "AB" + "ABBAABBA"
    assert len(pairs.ours) == len(pairs.rival) == 4


def test_a_first_call_can_be_left_to_the_caller() -> None:
    order: list[str] = []
    compare(lambda: order.append("A"), lambda: order.append("B"), 0.0, least=1, warm=False)
    assert order == ["A", "B"]


def test_the_ratio_is_the_median_of_the_ratios_of_neighbours() -> None:
    pairs = Pairs([1.0, 10.0, 1.0], [2.0, 30.0, 4.0])
    found = spread(at_least(2).values(pairs))
    assert (found.low, found.median, found.high) == (2.5, 3.0, 3.5)
    assert spread(at_most(2).values(pairs)).median == pytest.approx(1 / 3)
    assert spread(seconds_at_most(2).values(pairs)).median == 1.0


def test_one_value_is_its_own_quartiles() -> None:
    found = spread([3.0])
    assert (found.low, found.median, found.high) == (3.0, 3.0, 3.0)
