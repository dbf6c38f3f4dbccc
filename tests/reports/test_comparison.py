"""Methods against each other, by seed."""

from collections.abc import Callable
from math import isnan
from typing import Any

import pytest
from scipy.stats import ttest_rel

from goldpan.differences import paired
from goldpan.reports.comparison import compare, improvement, interquartile_mean
from goldpan.reports.report import report_of_plan


def test_paired_differences_are_scipys_paired_t_test() -> None:
    first, second = [93.1, 92.4, 93.0], [92.0, 92.1, 92.2]
    test = ttest_rel(first, second)
    low, high = test.confidence_interval(0.95)
    differences = [one - other for one, other in zip(first, second, strict=True)]
    mean = sum(differences) / 3
    assert paired(differences, 0.01) == pytest.approx((mean, low, high, test.pvalue))


def test_one_seed_has_no_interval() -> None:
    mean, *rest = paired([0.5], 0.01)
    assert mean == 0.5
    assert all(map(isnan, rest))


def test_equal_differences_are_no_surer_than_one_test_image() -> None:
    _, low, high, p = paired([0.5, 0.5], 0.5)
    assert low < 0 < high
    assert p > 0.2


def test_the_probability_of_improvement_counts_ties_half() -> None:
    assert improvement([2.0, 3.0], [0.0, 1.0]) == 1.0
    assert improvement([1.0, 2.0], [1.0, 2.0]) == 0.5
    assert improvement([0.0], [1.0]) == 0.0


def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end() -> None:
    assert interquartile_mean([-100.0, 1.0, 3.0, 100.0]) == 2.0


def test_each_setup_has_its_line_and_all_have_one(plan_table: Callable[..., Any]) -> None:
    made_up = plan_table(methods=("snip", "grasp"))
    made_up.write({"snip-0.9-0": 93.0, "snip-0.9-1": 93.5, "snip-0.99-0": 90.0})
    made_up.write({"grasp-0.9-0": 92.0, "grasp-0.9-1": 92.0, "grasp-0.99-0": 91.0})
    text = compare(report_of_plan(made_up.plan), ["snip", "grasp"])
    rows = [line for line in text.splitlines() if line.startswith("| 9")]
    cells = [[part.strip() for part in row.strip("|").split("|")] for row in rows]
    assert cells[0][:4] == ["90 %", "2", "+1.00, +1.50", "+1.25"]
    assert cells[0][6] == "1.00"
    assert cells[1] == ["99 %", "1", "-1.00", "-1.00", "unknown: one seed", "1", "0.00"]
    assert "over 2 setups: interquartile mean of the differences +0.00" in text
    assert "mean probability of improvement 0.50" in text


def test_only_seeds_that_both_have_are_compared(made_up: Any) -> None:
    made_up.write({"dense-0-0": 94.0, "dense-0-1": 94.2, "snip-0.9-1": 93.2})
    text = compare(report_of_plan(made_up.plan), ["dense", "snip"])
    (row,) = [line for line in text.splitlines() if line.startswith("| 9")]
    assert "| +1.00 " in row
