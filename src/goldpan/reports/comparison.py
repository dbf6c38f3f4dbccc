"""Methods of one table against each other: differences by seed, and how sure their order is.

Runs of one seed share the split, the order of the images and the start of the network, so they are
compared in pairs. A setup is one place of the table where both methods have runs, such as a
sparsity. The interquartile mean and the probability of improvement are those of Agarwal et al.,
"Deep Reinforcement Learning at the Edge of the Statistical Precipice", NeurIPS 2021. Their
bootstrap is not used: with two or three seeds it is far too narrow, so each seed gives one number
over the setups and Student's t its interval.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from statistics import fmean

import numpy as np

from goldpan.differences import LEVEL, holm, paired
from goldpan.reports.pairs import by_seed, one_image
from goldpan.reports.report import Report
from goldpan.reports.text import markdown, plain, shown

HEADER = ("setup", "n", "difference by seed", "mean", "95 % interval", "p", "improvement")


@dataclass(frozen=True)
class Setup:
    """Two methods at one place: the accuracies (%) of the seeds that both have.

    `step` is what one test image is worth.
    """

    name: str
    first: Mapping[int, float]
    second: Mapping[int, float]
    step: float

    @cached_property
    def test(self) -> tuple[float, float, float, float]:
        """The paired t-test of the differences."""
        return paired(list(self.differences.values()), self.step)

    @property
    def better(self) -> float:
        """The probability of improvement."""
        return improvement(list(self.first.values()), list(self.second.values()))

    @property
    def differences(self) -> dict[int, float]:
        """The first method less the second, in points, by seed."""
        return {seed: self.first[seed] - value for seed, value in self.second.items()}


def compare(report: Report, names: Sequence[str]) -> str:
    """Every pair of these methods as Markdown: a line a setup, and one over all setups.

    Raises:
        ValueError: if a method is not in the report, or there are fewer than two.
    """
    known = {name for panel in report.results.panels for name in panel.lines(report.table)}
    if unknown := [name for name in names if name not in known]:
        listed = ", ".join(sorted(known))
        raise ValueError(f"compare names methods of the table, {listed}; got {unknown[0]}")
    if len({*names}) < 2:
        raise ValueError(f"compare takes two methods or more; got {', '.join(names)}")
    pairs = {pair: list(_setups(report, *pair)) for pair in combinations(dict.fromkeys(names), 2)}
    p = [one.test[3] for setups in pairs.values() for one in setups]
    sure = iter(holm(p))
    parts = [plain(f"# {report.table.name}: {' against '.join(names)}"), report.caption]
    for (first, second), setups in pairs.items():
        rows = [_row(one, next(sure)) for one in setups]
        parts += [plain(f"## {first} less {second}"), markdown(HEADER, rows), _over_setups(setups)]
    return "\n\n".join([*parts, _legend(len(p))]) + "\n"


def improvement(first: Sequence[float], second: Sequence[float]) -> float:
    """How often a run of the first method is better than one of the second, a tie counting half.

    It is Mann and Whitney's U over the number of pairs.
    """
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(first, second).statistic) / (len(first) * len(second))


def interquartile_mean(values: Sequence[float]) -> float:
    """The mean of the middle half of the values."""
    from scipy.stats import trim_mean

    return float(trim_mean(np.array(values, dtype=float), 0.25))


def _setups(report: Report, first: str, second: str) -> Iterator[Setup]:
    """The places of the table where both methods have runs of one seed."""
    for panel in report.results.panels:
        lines = panel.lines(report.table)
        places = {cell.axes[report.table.along]: cell for cell in lines.get(second, ())}
        for cell in lines.get(first, ()):
            ours, theirs = by_seed(cell), by_seed(places.get(cell.axes[report.table.along]))
            if shared := sorted(ours.keys() & theirs.keys()):
                place = shown(report.table.along, cell.axes[report.table.along])
                yield Setup(
                    f"{panel.title}, {place}" if len(report.results.panels) > 1 else place,
                    {seed: ours[seed] for seed in shared},
                    {seed: theirs[seed] for seed in shared},
                    one_image(cell.records),
                )


def _row(setup: Setup, p: float) -> list[str]:
    """What HEADER names."""
    differences = setup.differences
    mean, low, high, _ = setup.test
    listed = ", ".join(f"{value:+.2f}" for value in differences.values())
    return [
        *(setup.name, str(len(differences)), listed, f"{mean:+.2f}"),
        *(_interval(low, high), f"{p:.2g}", f"{setup.better:.2f}"),
    ]


def _over_setups(setups: Sequence[Setup]) -> str:
    """One line on all setups together, from the seeds that all of them have."""
    if not setups:
        return "no setup has runs of one seed of both"
    seeds = sorted(set.intersection(*({*one.first} for one in setups)))
    if not seeds:
        return "no seed is in all setups"
    differences = [interquartile_mean([one.differences[seed] for one in setups]) for seed in seeds]
    mean, low, high, _ = paired(differences, min(one.step for one in setups))
    text = f"over {len(setups)} setups: interquartile mean of the differences {mean:+.2f}, "
    text += f"95 % interval {_interval(low, high)} (n={len(seeds)} seeds); "
    return text + f"mean probability of improvement {fmean(one.better for one in setups):.2f}"


def _interval(low: float, high: float) -> str:
    return "unknown: one seed" if np.isnan(low) else f"[{low:+.2f}, {high:+.2f}]"


def _legend(count: int) -> str:
    return (
        "differences in points by seed, first less second; interval and p of the paired t-test, "
        f"p after Holm's correction over {count} comparisons: an order holds where p is at most "
        f"{LEVEL}. improvement: how often a run of the first is better than one of the second "
        "(Mann-Whitney); 0.5 is neither"
    )
