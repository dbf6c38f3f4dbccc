"""What cells say: agrees, differs, undecided, and how many more seeds would decide."""

import numpy as np
import pytest
from scipy.stats import ttest_ind_from_stats

from goldpan.differences import holm
from goldpan.reports.samples import ROUNDING, Sample
from goldpan.reports.verdict import TYPICAL_STD, Judgement, Pair, judge, likely_std

PUBLISHED = Sample(93.0, 0.2, 3)


def judged(*pairs: Pair, margin: float = 1.0) -> list[Judgement]:
    return judge(pairs, margin)


def test_an_interval_within_the_margin_agrees() -> None:
    (found,) = judged((Sample(93.1, 0.2, 3), PUBLISHED))
    # 0.1 -+ 2.131847 * 0.163299, and half a digit
    assert found.answer == "agrees"
    assert found.interval == pytest.approx((-0.253130, 0.453130), abs=1e-5)
    assert found.more is None
    assert str(found) == "[-0.25, +0.45] agrees"


def test_the_interval_and_the_two_one_sided_tests_say_the_same() -> None:
    for mean in np.linspace(91.8, 94.2, 25):
        (found,) = judged((Sample(float(mean), 0.2, 3), PUBLISHED))
        assert found.interval is not None
        inside = max(map(abs, found.interval)) <= 1.0
        assert (found.answer == "agrees") == inside == (found.p_beyond <= 0.05)


def test_a_significant_difference_differs() -> None:
    (found,) = judged((Sample(91.0, 0.2, 3), PUBLISHED))
    test = ttest_ind_from_stats(2.0 - ROUNDING, 0.2, 3, 0.0, 0.2, 3)
    assert found.answer == "differs"
    assert found.p_equal == pytest.approx(test.pvalue)
    assert str(found).endswith("] ≠ differs")


def test_a_real_difference_smaller_than_the_margin_agrees() -> None:
    (found,) = judged((Sample(93.4, 0.1, 20), Sample(93.0, 0.1, 20)))
    assert found.p_equal < 1e-6
    assert found.answer == "agrees"


def test_a_difference_that_holds_alone_may_not_hold_among_many() -> None:
    off = Sample(91.8, 0.3, 3), Sample(93.0, 0.3, 3)
    same = Sample(93.0, 0.3, 3), Sample(93.0, 0.3, 3)
    assert judged(off)[0].answer == "differs"
    assert judged(off, *[same] * 60)[0].answer == "undecided"


def test_two_seeds_that_vary_are_undecided_and_say_how_many_more_would_decide() -> None:
    (found,) = judged((Sample(93.1, 0.9, 2), PUBLISHED))
    assert found.answer == "undecided"
    assert found.more is not None
    assert 1 <= found.more <= 10
    assert str(found).endswith(f"] undecided (+{found.more} seeds)")


def test_a_published_number_that_varies_too_much_cannot_be_decided() -> None:
    (found,) = judged((Sample(80.0, 3.0, 3), Sample(81.0, 9.88, 3)))
    assert (found.answer, found.more) == ("undecided", None)
    assert str(found).endswith("] undecided")


def test_without_any_deviation_nothing_is_said() -> None:
    (found,) = judged((Sample(80.0, None, 1), Sample(93.0)))
    assert (found.answer, found.interval) == ("undecided", None)
    assert (found.p_equal, found.p_beyond) == (1.0, 1.0)


def test_collapsed_runs_agree_to_the_last_digit() -> None:
    (found,) = judged((Sample(10.0, 0.0, 3), Sample(10.0, 0.0, 3)))
    assert found.answer == "agrees"


def test_a_wider_margin_takes_more_differences_for_agreement() -> None:
    pair = Sample(92.2, 0.2, 3), PUBLISHED
    assert [judged(pair, margin=margin)[0].answer for margin in (1.0, 2.0)] == [
        "undecided" if judged(pair)[0].p_equal > 0.05 else "differs",
        "agrees",
    ]


def test_holms_correction_multiplies_by_the_tests_that_are_left() -> None:
    assert holm(np.array([0.04, 0.01, 0.03])).tolist() == pytest.approx([0.06, 0.03, 0.06])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]


def test_a_plan_takes_the_typical_deviation_where_none_is_known() -> None:
    assert likely_std((Sample(93.0), Sample(93.0))) == pytest.approx(TYPICAL_STD)
    assert TYPICAL_STD < likely_std((Sample(93.0, 1.0, 3), Sample(93.0))) < 1.0
