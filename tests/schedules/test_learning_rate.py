import pytest

from goldpan.schedules.learning_rate import constant, cosine, steps


def test_steps_fall_at_their_milestones() -> None:
    factors = [steps(epoch / 160, milestones=[0.5, 0.75]) for epoch in (0, 79, 80, 119, 120, 159)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_goes_from_one_to_zero() -> None:
    assert [cosine(p) for p in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert constant(0.3) == 1
