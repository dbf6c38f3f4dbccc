"""The verdict on a table, and how often it is wrong: simulated, as docs/verdict.md prints it."""

from dataclasses import dataclass

import numpy as np
import pytest

from goldpan.reports.family import conclude, needed, reproduced, seeds_to_reproduce, sentence
from goldpan.reports.samples import Array, Sample, Spread, summarize
from goldpan.reports.verdict import MARGIN, Pair, PValues, judge, run_tests

CELLS, RUNS = (61, 8), (2, 3, 5)
STD = 0.3
MIXED = np.array([0.03, 0.1, 0.18, 0.35, 1.05])
"""Points: quantiles 10, 25, 50, 75, 90 % of the deviations that SynFlow published on CIFAR-10."""


@dataclass(frozen=True)
class Tables:
    """Many tables' runs, and what was published of three runs: (tables, cells, runs)."""

    ours: Array
    published: Array
    known: bool

    def tests(self, n: int) -> PValues:
        """The tests of the first n seeds."""
        ours, mean = self.ours[..., :n], self.published.mean(-1).round(2)
        std = self.published.std(-1, ddof=1).round(2)
        spread = Spread(
            std if self.known else np.full_like(std, np.nan),
            np.full(std.shape, 3 if self.known else 1),
        )
        own = Spread(ours.std(-1, ddof=1), np.full(std.shape, n))
        return run_tests(ours.mean(-1) - mean, own, spread, MARGIN)

    def only(self, table: int) -> "Tables":
        """One of the tables."""
        one = slice(table, table + 1)
        return Tables(self.ours[one], self.published[one], self.known)

    def pairs(self, table: int, n: int) -> list[Pair]:
        """The samples of one table."""
        found = []
        for ours, runs in zip(self.ours[table], self.published[table], strict=True):
            std = round(float(runs.std(ddof=1)), 2)
            number = Sample(round(float(runs.mean()), 2), *((std, 3) if self.known else ()))
            found.append((summarize([*map(float, ours[:n])]), number))
        return found


def draw(
    tables: int, cells: int, runs: int, shift: float = 0.0, *, known: bool, mixed: bool = False
) -> Tables:
    """Tables whose published runs and ours are of one distribution but for a shift of each cell."""
    generator = np.random.default_rng(cells * 100 + runs)
    std = generator.choice(MIXED, (tables, cells, 1)) if mixed else STD
    signs = generator.choice([-1.0, 1.0], (tables, cells, 1))
    ours = generator.normal(size=(tables, cells, runs)) * std + shift * signs
    return Tables(ours, generator.normal(size=(tables, cells, 3)) * std, known)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("runs", [*RUNS, 10, 50])
@pytest.mark.parametrize("cells", CELLS)
def test_a_true_table_is_called_not_reproduced_5_times_in_100_at_most(
    cells: int, runs: int, known: bool, mixed: bool
) -> None:
    found = draw(1000, cells, runs, known=known, mixed=mixed).tests(runs)
    assert found.differ.any(-1).mean() <= 0.05


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("runs", [*RUNS, 10])
@pytest.mark.parametrize("cells", CELLS)
def test_a_table_shifted_by_twice_the_margin_is_called_reproduced_5_times_in_100_at_most(
    cells: int, runs: int, known: bool, mixed: bool
) -> None:
    tables = draw(1000, cells, runs, 2 * MARGIN, known=known, mixed=mixed)
    assert reproduced(tables.tests(runs)).mean() <= 0.05


def test_a_table_with_half_of_its_cells_at_the_margin_is_hardly_called_reproduced() -> None:
    for cells in CELLS:
        tables = draw(1000, cells, 5, known=True)
        tables.ours[:, : cells // 2] += MARGIN
        assert reproduced(tables.tests(5)).mean() <= 0.05


def follow(tables: Tables, table: int) -> str:
    """Run the seeds that the report asks for until it asks for none: how that ends."""
    n = 2
    while True:
        tests = tables.only(table).tests(n)
        if tests.differ.any():
            return "not reproduced"
        if reproduced(tests)[0]:
            return "reproduced"
        asked = seeds_to_reproduce(tables.pairs(table, n), MARGIN) if n < 50 else None
        if asked is None:
            return "none asked"
        assert asked > n
        n = asked


@pytest.mark.slow
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("cells", CELLS)
def test_with_the_seeds_that_are_asked_for_a_true_table_is_reproduced(
    cells: int, known: bool, mixed: bool
) -> None:
    tables = draw(100, cells, 50, known=known, mixed=mixed)
    ends = [follow(tables, table) for table in range(100)]
    print(cells, known, mixed, {end: ends.count(end) for end in {*ends}})
    asked = len(ends) - ends.count("none asked")
    assert ends.count("reproduced") >= 0.9 * asked
    assert ends.count("not reproduced") <= 5
    if not mixed:
        assert ends.count("reproduced") >= 90


def test_a_table_of_eight_true_cells_is_asked_for_a_few_seeds() -> None:
    tables = draw(20, 8, 50, known=True)
    assert [follow(tables, table) for table in range(20)].count("reproduced") >= 18


def pair(difference: float, n: int = 3, std: float = 0.2) -> Pair:
    return Sample(93.0 + difference, std, n), Sample(93.0, 0.2, 3)


def verdict(pairs: list[Pair]) -> str:
    family = conclude(judge(pairs, MARGIN))
    return sentence(family, pairs, MARGIN)


def test_a_table_of_agreeing_cells_is_reproduced() -> None:
    assert verdict([pair(0.1)] * 8).startswith(
        "verdict: reproduced (8 agree, 0 differ, 0 undecided of 8 cells"
    )


def test_one_cell_that_differs_is_enough_against_it() -> None:
    assert verdict([pair(0.1)] * 7 + [pair(-6.0)]).startswith("verdict: not reproduced (7 agree, 1")


def test_an_undecided_table_says_how_many_seeds_are_likely_to_decide_it() -> None:
    text = verdict([pair(0.1, 2, 0.5), pair(-0.4, 2, 0.9)] * 4)
    assert text.startswith("verdict: undecided")
    assert "seeds, 0 to " in text


def test_a_table_that_no_number_of_seeds_decides_says_so() -> None:
    wide = Sample(93.0, 5.0, 3)
    text = verdict([(wide, wide)] * 4)
    assert "no number of seeds up to 50 is likely to show" in text


def test_a_quarter_of_the_cells_may_stay_undecided() -> None:
    assert [needed(cells) for cells in (1, 2, 4, 8, 61)] == [1, 2, 3, 6, 46]
    (one,) = judge([pair(0.1)], MARGIN)
    assert conclude([one]).p == pytest.approx(one.p_beyond)
