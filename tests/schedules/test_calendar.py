import pytest

from goldpan.schedules.calendar import alternating, boundaries, every, once, updates


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


def test_boundaries_of_freetickets_are_due_at_epochs_150_and_100_more_each() -> None:
    due = boundaries(450 * 7, 7, first="150ep", interval="100ep")
    found = {step / 7: progress for step in range(450 * 7) if (progress := due(step)) is not None}
    assert found == {150: 0, 250: pytest.approx(1 / 3), 350: pytest.approx(2 / 3)}


def test_boundaries_may_be_fractions_of_the_run() -> None:
    due = boundaries(450 * 351, 351, first="0.3333333333", interval="0.2222222222")
    assert [step / 351 for step in range(450 * 351) if due(step) is not None] == [150, 250, 350]


def test_boundaries_may_be_a_step_late() -> None:
    due = boundaries(90, 10, first="5ep", interval="2ep", delay="1it")
    assert [step for step in range(90) if due(step) is not None] == [51, 71]


def test_boundaries_that_begin_after_the_run_are_refused() -> None:
    with pytest.raises(ValueError, match="150ep is step 750, outside a run of 50 steps"):
        boundaries(50, 5, first="150ep", interval="100ep")


@pytest.mark.parametrize(("begin", "end"), [("0.5", "0.5"), ("2ep", "1ep"), ("0", "4ep")])
def test_what_cannot_be_is_refused(begin: str, end: str) -> None:
    with pytest.raises(ValueError, match=r"step|before"):
        every(20, 5, begin=begin, end=end, interval="1it")


def test_updates_come_each_interval_up_to_the_end_and_not_at_the_last_step() -> None:
    due = updates(100, 10, interval="30it", begin="0it", end="0.9")
    assert [step for step in range(101) if due(step) is not None] == [0, 30, 60, 90]
    assert due(30) == pytest.approx(1 / 3)
    assert due(90) == 1
    each_epoch = updates(100, 10, interval="1ep")
    assert [step for step in range(101) if each_epoch(step) is not None] == [*range(10, 100, 10)]


def test_updates_that_never_come_or_come_behind_the_run_are_refused() -> None:
    with pytest.raises(ValueError, match="never be updated: each 200it from step 200 to step 100"):
        updates(100, 10, interval="200it")
    with pytest.raises(ValueError, match="never be updated"):
        updates(100, 10, interval="1.0")
    with pytest.raises(ValueError, match="200it is step 200, behind a run of 100 steps"):
        updates(100, 10, interval="10it", end="200it")


def test_sparse_and_dense_phases_alternate() -> None:
    due = alternating(100, 10, cut=["0.1", "5ep"], free=["30it"])
    assert {step: due(step) for step in range(100) if due(step) is not None} == {
        10: 1,
        30: 0,
        50: 1,
    }
    with pytest.raises(ValueError, match="the last point must be one that cuts"):
        alternating(100, 10, cut=["0.1"], free=["0.2"])
    with pytest.raises(ValueError, match="outside a run"):
        alternating(100, 10, cut=["101it"], free=[])
