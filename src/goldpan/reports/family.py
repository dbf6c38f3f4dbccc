"""What a whole table says: reproduced, not reproduced, or undecided.

**Not reproduced**: a cell differs. Holm's correction holds the chance that a true table has such a
cell, in whatever number of cells, at 5 %.

**Reproduced**: no cell differs, and at least SHARE of the cells lie within the margin, which is
shown at 5 %. That all do cannot be shown: of 61 cells with a published deviation of three runs some
hang between by chance, with any number of seeds of ours. The test is that of a partial conjunction
(Benjamini and Heller, Biometrics 64, 2008): if fewer than u of k cells lie within the margin, the
k - u + 1 largest p-values hold only such as are of cells beyond it, or larger, so that Fisher's
combination of them is below 5 % at most 5 times in 100. It takes the cells as independent.

Both hold for one look at the runs. docs/verdict.md has the simulated rates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np

from goldpan.differences import LEVEL
from goldpan.reports.samples import Array, Marks, Spread, spread
from goldpan.reports.verdict import (
    MOST_SEEDS,
    TYPICAL_STD,
    Judgement,
    Pair,
    PValues,
    likely_std,
    run_tests,
)

SHARE = 0.75
"""Of the cells, that have to be shown to lie within the margin."""

SURE = 0.95
"""How surely the seeds that a table asks for show a true table to be reproduced."""

PUBLISHED_RUNS = 3
"""Of which a published mean is, if it does not say; for plans alone, the tests take one."""

DRAWS = 400
"""Tables drawn to find that number."""


@dataclass(frozen=True)
class Family:
    """The verdict on a table: how many cells say what, and `p` that fewer than `needed` agree."""

    answer: Literal["reproduced", "not reproduced", "undecided"]
    agree: int
    differ: int
    undecided: int
    needed: int
    p: float


def needed(cells: int) -> int:
    """How many of a table's cells have to lie within the margin."""
    return ceil(SHARE * cells)


def partial_conjunction(beyond: Array) -> Array:
    """The p-value, for each table, that fewer cells than needed lie within the margin."""
    from scipy.special import chdtrc

    largest = np.sort(beyond, axis=-1)[..., needed(beyond.shape[-1]) - 1 :]
    statistic = -2 * np.log(np.maximum(largest, 1e-300)).sum(-1)
    p: Array = chdtrc(2 * largest.shape[-1], statistic)
    return p


def reproduced(found: PValues) -> Marks:
    """Which tables are reproduced: one verdict for each row of cells."""
    shown: Marks = (partial_conjunction(found.beyond) <= LEVEL) & ~found.differ.any(-1)
    return shown


def conclude(judgements: Sequence[Judgement]) -> Family:
    """The verdict on a table with these cells; there is one at least."""
    answers = [one.answer for one in judgements]
    p = float(partial_conjunction(np.array([one.p_beyond for one in judgements])))
    return Family(
        "not reproduced" if "differs" in answers else "reproduced" if p <= LEVEL else "undecided",
        answers.count("agrees"),
        answers.count("differs"),
        answers.count("undecided"),
        needed(len(answers)),
        p,
    )


def sentence(family: Family, pairs: Sequence[Pair], margin: float) -> str:
    """The verdict in words: what decided it, or how many seeds would."""
    cells, p = len(pairs), f"p = {family.p:.2g}"
    counts = f"{family.agree} agree, {family.differ} differ, {family.undecided} undecided"
    text = f"verdict: {family.answer} ({counts} of {cells} cells; docs/verdict.md)"
    shown = f"that {family.needed} of the cells lie within the margin ({p})"
    if family.answer == "not reproduced":
        return f"{text}; of true tables at most 5 in 100 are called so"
    if family.answer == "reproduced":
        return f"{text}; no cell differs, and the runs show {shown}; 5 % error"
    seeds = seeds_to_reproduce(pairs, margin)
    if seeds is None:
        return f"{text}; no number of seeds up to {MOST_SEEDS} is likely to show {shown}"
    return f"{text}; {seeds} seeds, 0 to {seeds - 1}, are likely to show {shown}, if it is true"


def seeds_to_reproduce(pairs: Sequence[Pair], margin: float) -> int | None:
    """How many seeds a cell show a true table to be reproduced; None if MOST_SEEDS are too few.

    Found by drawing true tables with the deviations of this one and judging them by the rule.
    """
    first = min(ours.n or 1 for ours, _ in pairs) + 1
    low, high = first, MOST_SEEDS
    if _rate(pairs, margin, high) < SURE:
        return None
    while low < high:
        middle = (low + high) // 2
        if _rate(pairs, margin, middle) >= SURE:
            high = middle
        else:
            low = middle + 1
    return low


def _rate(pairs: Sequence[Pair], margin: float, n: int) -> float:
    """How often a true table with `n` seeds a cell is reproduced."""
    generator = np.random.default_rng(n)  # the same tables for the same report
    known = [one.std for pair in pairs for one in pair if one.std is not None]
    typical = max(TYPICAL_STD, float(np.median(known or [0.0])))
    sigma = np.array([likely_std(pair, typical) for pair in pairs])
    shape = (DRAWS, len(pairs))
    published = spread([pair[1] for pair in pairs])
    runs = np.array([pair[1].n or PUBLISHED_RUNS for pair in pairs])
    difference = generator.normal(0, sigma * np.sqrt(1 / n + 1 / runs), shape)
    std = sigma * np.sqrt(generator.chisquare(n - 1, shape) / (n - 1))
    found = run_tests(difference, Spread(std, np.full(shape, n)), published, margin)
    return float(reproduced(found).mean())
