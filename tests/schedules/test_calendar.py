import pytest

from goldpan.schedules.calendar import every, once


def test_every_third_of_ten_steps_and_the_end() -> None:
    due = every(20, 5, begin="1ep", end="15it", interval="3it")
    found = {step: progress for step in range(20) if (progress := due(step)) is not None}
    assert found == {5: 0.0, 8: 0.3, 11: 0.6, 14: 0.9, 15: 1.0}


def test_an_interval_below_one_step_is_every_step() -> None:
    due = every(20, 5, begin="0", end="3it", interval="0.001")
    assert [due(step) for step in range(5)] == [0.0, 1 / 3, 2 / 3, 1.0, None]


def test_once_is_due_at_its_step() -> None:
    due = once(20, 5, at="0.5")
    assert [step for step in range(20) if due(step) == 1.0] == [10]


@pytest.mark.parametrize(("begin", "end"), [("0.5", "0.5"), ("2ep", "1ep"), ("0", "4ep")])
def test_what_cannot_be_is_refused(begin: str, end: str) -> None:
    with pytest.raises(ValueError, match=r"step|before"):
        every(20, 5, begin=begin, end=end, interval="1it")
