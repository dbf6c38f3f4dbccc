"""Errors of differences worked by hand, and beside scipy's tests."""

import numpy as np
import pytest
from scipy.stats import ttest_ind_from_stats

from goldpan.reports.samples import Error, Sample, spread, student, summarize, welch


def errors(ours: Sample, published: Sample) -> tuple[Error, Error]:
    return tuple(make(spread([ours]), spread([published])) for make in (welch, student))


def test_equal_deviations_have_the_same_error_by_both() -> None:
    # sqrt(0.04 / 3 + 0.04 / 3) = 0.163299, four degrees of freedom
    for found in errors(Sample(93.0, 0.2, 3), Sample(93.5, 0.2, 3)):
        assert found.size[0] == pytest.approx(0.163299, abs=1e-6)
        assert found.freedom[0] == pytest.approx(4.0)


@pytest.mark.parametrize("equal", [False, True])
def test_unequal_deviations_are_scipys(equal: bool) -> None:
    found = errors(Sample(93.0, 0.3, 3), Sample(93.5, 0.1, 5))[equal]
    test = ttest_ind_from_stats(93.0, 0.3, 3, 93.5, 0.1, 5, equal_var=equal)
    assert -0.5 / found.size[0] == pytest.approx(test.statistic)
    if equal:
        assert found.freedom[0] == 6


def test_a_deviation_that_is_not_known_is_the_others_with_its_freedom_alone() -> None:
    # 0.2 * sqrt(1 / 3 + 1) = 0.230940
    known = Sample(93.0, 0.2, 3)
    for pair in ((known, Sample(93.5)), (known, Sample(93.5, None, 1)), (Sample(93.5), known)):
        for found in errors(*pair):
            assert found.size[0] == pytest.approx(0.230940, abs=1e-6)
            assert found.freedom[0] == 2


def test_no_deviation_at_all_is_no_error() -> None:
    for found in errors(Sample(93.0, None, 1), Sample(93.5)):
        assert np.isnan(found.size[0])


def test_a_deviation_of_unknown_runs_is_of_two() -> None:
    assert spread([Sample(93.5, 0.2), Sample(93.5), Sample(93.5, 0.2, 5)]).n.tolist() == [2, 1, 5]


def test_equal_runs_have_no_error_and_a_degree_of_freedom() -> None:
    for found in errors(Sample(10.0, 0.0, 3), Sample(10.0, 0.0, 3)):
        assert found.size[0] == 0
        assert found.freedom[0] >= 1


def test_a_sample_of_one_run_has_no_deviation() -> None:
    assert summarize([93.0]) == Sample(93.0, None, 1)
    assert summarize([96.0, 98.0]) == Sample(97.0, pytest.approx(2**0.5), 2)


def test_a_sample_says_mean_and_deviation() -> None:
    assert str(Sample(93.0, 0.2, 3)) == "93.00 ± 0.20"
    assert str(Sample(93.0)) == "93.00"
