"""How many levels a sparsity takes, and what a level keeps."""

import pytest

from goldpan.runs.levels import Levels, settle_levels

RENDA = {0.8: 1, 0.4096: 4, 0.2097: 7, 0.1074: 10, 0.0225: 17, 0.0144: 19}
"""Kept fractions as Renda et al. print them -> levels of 20 %."""


@pytest.mark.parametrize(("kept", "count"), RENDA.items())
def test_the_papers_labels_give_its_levels(kept: float, count: int) -> None:
    found = settle_levels(1 - kept, 0.2, None)
    assert found.count == count
    assert 1 - found.sparsity == pytest.approx(0.8**count, abs=1e-8)


def test_between_two_levels_the_sparser_one_is_taken() -> None:
    assert settle_levels(0.5, 0.2, None) == Levels(4, 0.2, 0.5904)


def test_a_count_and_a_rate_decide_whatever_the_sparsity() -> None:
    assert settle_levels(0.1, 0.2, 3) == settle_levels(0.9, 0.2, 3) == Levels(3, 0.2, 0.488)


def test_one_shot_is_one_level_that_ends_at_the_sparsity() -> None:
    assert settle_levels(0.9, None, 1) == Levels(1, 0.9, 0.9)


def test_equal_levels_without_a_rate_end_at_the_sparsity() -> None:
    assert settle_levels(0.488, None, 3) == Levels(3, 0.2, 0.488)


def test_what_is_settled_stays_as_it_is() -> None:
    for kept, count in RENDA.items():
        first = settle_levels(1 - kept, 0.2, None)
        assert settle_levels(first.sparsity, first.rate, first.count) == first
        assert settle_levels(first.sparsity, 0.2, None).count == count


def test_level_0_is_refused_and_so_is_neither_count_nor_rate() -> None:
    with pytest.raises(ValueError, match="choose method=dense"):
        settle_levels(0, 0.2, None)
    with pytest.raises(ValueError, match="both null"):
        settle_levels(0.9, None, None)
