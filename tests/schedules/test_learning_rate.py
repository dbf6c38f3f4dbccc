import pytest

from goldpan.schedules.learning_rate import as_fractions, constant, cosine, cycles, steps, warmed


def test_steps_fall_at_their_milestones() -> None:
    factors = [steps(epoch / 160, milestones=[0.5, 0.75]) for epoch in (0, 79, 80, 119, 120, 159)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_goes_from_one_to_zero() -> None:
    assert [cosine(p) for p in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert constant(0.3) == 1


def test_a_warm_up_rises_from_zero_to_the_schedule() -> None:
    factors = [warmed(p, schedule=cosine, warm_up=0.5) for p in (0, 0.25, 0.5, 0.75)]
    assert factors == pytest.approx([0, cosine(0.25) / 2, cosine(0.5), cosine(0.75)])


def test_milestones_in_steps_and_epochs_are_fractions_of_the_run() -> None:
    milestones = [0.25, "50it", "6ep", 7, 1.0, "250it"]
    assert as_fractions(milestones, 100, 10) == [0.25, 0.5, 0.6, 0.7, 1, 2.5]


def test_a_milestone_of_steps_is_passed_at_that_step() -> None:
    milestones = as_fractions(["25000it", "50000it"], 54_000, 540)
    factors = [steps(k / 54_000, milestones=milestones) for k in (24_999, 25_000, 49_999, 50_000)]
    assert factors == pytest.approx([1, 0.1, 0.1, 0.01])


def test_milestones_of_several_units_rise_in_the_run() -> None:
    with pytest.raises(ValueError, match=r"milestones rise; got \['6ep', 0.5\]"):
        as_fractions(["6ep", 0.5], 100, 10)


def test_cycles_are_freetickets_rates() -> None:
    """150 epochs at .1; phases from 150, 250 and 350, at .01 and after half of them at .001."""

    def rate(epoch: int) -> float:
        return 0.1 * cycles(epoch / 450, exploration=150, refinement=100, phases=3)

    assert {rate(epoch) for epoch in range(150)} == {0.1}
    for begin in (150, 250, 350):
        first = [rate(epoch) for epoch in range(begin, begin + 50)]
        second = [rate(epoch) for epoch in range(begin + 50, begin + 100)]
        assert first == pytest.approx([0.01] * 50)
        assert second == pytest.approx([0.001] * 50)


def test_cycles_keep_their_shape_in_a_shorter_training() -> None:
    factors = [cycles(e / 9, exploration=150, refinement=100, phases=3) for e in range(9)]
    assert factors == [1, 1, 1, 0.1, 0.01, 0.1, 0.01, 0.1, 0.01]
