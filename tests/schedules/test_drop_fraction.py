import pytest

from goldpan.schedules.drop_fraction import constant, cosine


def test_cosine_falls_from_start_to_end() -> None:
    """RigL: 0.3 / 2 (1 + cos(pi t / T_end))."""
    values = [cosine(progress, start=0.3) for progress in (0, 0.25, 0.5, 0.75, 1)]
    assert values == pytest.approx([0.3, 0.256066, 0.15, 0.043934, 0], abs=1e-6)
    assert cosine(0.5, start=0.5, end=0.005) == pytest.approx(0.2525)  # ITOP at half time


def test_constant_stays() -> None:
    assert constant(0.0, start=0.3) == constant(1.0, start=0.3) == 0.3
