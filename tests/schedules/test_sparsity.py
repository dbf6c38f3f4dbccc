import pytest

from goldpan.schedules.sparsity import cubic, exponential, linear, one_shot


def test_values_half_way_to_ninety_percent() -> None:
    assert one_shot(0.5, target=0.9) == 0.9
    assert linear(0.5, target=0.9) == pytest.approx(0.45)
    assert cubic(0.5, target=0.9) == pytest.approx(0.9 * (1 - 1 / 8))
    assert exponential(0.5, target=0.99) == pytest.approx(0.9)


def test_an_initial_sparsity_is_where_they_begin() -> None:
    assert linear(0, target=0.9, initial=0.5) == cubic(0, target=0.9, initial=0.5) == 0.5
