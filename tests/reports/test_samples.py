"""Bands worked by hand, with t from Student's tables."""

import pytest
from scipy.stats import ttest_ind_from_stats

from goldpan.reports.bands import ROUNDING, Sample, band, summarize


def test_equal_deviations_of_three_runs_each() -> None:
    # sqrt(0.04 / 3 + 0.04 / 3) = 0.163299, four degrees of freedom, t = 2.776445
    found = band(Sample(93.0, 0.2, 3), Sample(93.5, 0.2, 3))
    assert found == pytest.approx(0.453391 + ROUNDING, abs=1e-6)


def test_unequal_deviations_are_welchs() -> None:
    ours, published = Sample(93.0, 0.3, 3), Sample(93.5, 0.1, 5)
    edge = band(ours, published) - ROUNDING
    test = ttest_ind_from_stats(edge, 0.3, 3, 0.0, 0.1, 5, equal_var=False)
    assert test.pvalue == pytest.approx(0.05)


def test_one_published_run_gives_a_prediction_interval() -> None:
    # 0.2 * sqrt(1 / 3 + 1) = 0.230940, two degrees of freedom, t = 4.302653
    for published in (Sample(93.5, None, 1), Sample(93.5)):
        found = band(Sample(93.0, 0.2, 3), published)
        assert found == pytest.approx(0.993655 + ROUNDING, abs=1e-6)


def test_one_run_of_ours_takes_the_published_deviation() -> None:
    # 0.2 * sqrt(1 + 1 / 3), as above
    found = band(Sample(93.0, None, 1), Sample(93.5, 0.2, 3))
    assert found == pytest.approx(0.993655 + ROUNDING, abs=1e-6)


def test_no_deviation_at_all_is_a_typical_one() -> None:
    # 1.959964 * 0.3 * sqrt(2)
    found = band(Sample(93.0, None, 1), Sample(93.5))
    assert found == pytest.approx(0.831542 + ROUNDING, abs=1e-6)


def test_a_deviation_of_unknown_runs_is_of_two() -> None:
    unknown, two = Sample(93.5, 0.2), Sample(93.5, 0.2, 2)
    assert band(Sample(93.0, 0.2, 3), unknown) == band(Sample(93.0, 0.2, 3), two)


def test_collapsed_runs_agree_to_the_last_digit() -> None:
    assert band(Sample(10.0, 0.0, 3), Sample(10.0, 0.0, 3)) == ROUNDING


def test_a_sample_of_one_run_has_no_deviation() -> None:
    assert summarize([93.0]) == Sample(93.0, None, 1)
    assert summarize([96.0, 98.0]) == Sample(97.0, pytest.approx(2**0.5), 2)


def test_a_sample_says_mean_and_deviation() -> None:
    assert str(Sample(93.0, 0.2, 3)) == "93.00 ± 0.20"
    assert str(Sample(93.0)) == "93.00"
