"""A paper's relative claims: how one cell of a table stands to another, instead of a number.

A claim is judged by its sign and by its size: ours **agrees** if it points the same way and its
size lies within FACTOR of the published one, has another **size** if it only points the same way,
and **differs** otherwise. Sizes of ratios are compared by their logarithms: "2.5 times slower" and
"2.5 times faster" are equally far from no difference. A claim of no difference agrees within its
`margin`. Means over the seeds are compared; how sure they are, an interval of the differences by
seed says (of the logarithms, for a ratio), for a network and what is made of it share a seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, gcd, isnan, log, nan
from statistics import mean
from typing import Any

from goldpan.differences import paired
from goldpan.reports.claim import COMPARED, Claim
from goldpan.reports.early_stopping import compared
from goldpan.reports.pairs import differences, one_image
from goldpan.reports.spec import same
from goldpan.reports.table_cell import TableCell

FACTOR = 1.5
"""By which a size may be off, up or down."""


@dataclass(frozen=True)
class Finding:
    """Ours beside a claim: `ours` is None where a cell has no runs.

    `interval` has the ends of 95 %, NaN without two seeds that both cells have.
    """

    claim: Claim
    ours: float | None
    runs: tuple[int, int] = (0, 0)
    interval: tuple[float, float] = (nan, nan)

    @property
    def is_sure(self) -> bool:
        """Whether the interval lies on one side of no difference."""
        low, high = self.interval
        neutral = 1 if self.claim.by == "ratio" else 0
        return low > neutral or high < neutral

    @property
    def answer(self) -> str:
        """agrees, size, differs, or missing."""
        if self.ours is None:
            return "missing"
        if self.claim.published == 0:
            return "agrees" if abs(self.ours) <= self.claim.margin else "differs"
        ours, published = self._size(self.ours), self._size(self.claim.published)
        if ours * published <= 0:
            return "differs"
        if self.claim.by == "sign":
            return "agrees"
        return "agrees" if 1 / FACTOR <= ours / published <= FACTOR else "size"

    def _size(self, value: float) -> float:
        if self.claim.by == "ratio":
            return log(value) if value > 0 else 0.0
        return value

    def __str__(self) -> str:
        """The claim, ours, and the answer, as a row of a Markdown table."""
        claim, ratio = self.claim, self.claim.by == "ratio"
        what = f"{claim.of}: {_place(claim.at)} {'/' if ratio else '-'} {_place(claim.against)}"
        published = f"{claim.published:g}" if ratio else f"{claim.published:+g}"
        if claim.by == "sign":
            published = "above 0" if claim.published > 0 else "below 0"
        ours = "-" if self.ours is None else _number(self.ours, ratio)
        low, high = (_number(end, ratio) for end in self.interval)
        sure = "-" if isnan(self.interval[0]) else f"[{low}, {high}]"
        counted = f"{self.runs[0]} and {self.runs[1]}"
        return f"| {' | '.join((what, published, ours, sure, counted, self.answer))} |"


def judge_claims(claims: Sequence[Claim], cells: Sequence[TableCell]) -> list[Finding]:
    """Each claim beside what our runs say."""
    return [_judge(claim, cells) for claim in claims]


def claims_table(findings: Sequence[Finding]) -> str:
    """The claims as a Markdown table; empty without any."""
    if not findings:
        return ""
    counts = {name: [f.answer for f in findings].count(name) for name in _ANSWERS}
    listed = ", ".join(f"{count} {_ANSWERS[name]}" for name, count in counts.items() if count)
    sure = sum(finding.is_sure for finding in findings)
    used = dict.fromkeys(finding.claim.of for finding in findings)
    meaning = "; ".join(f"{name}: {COMPARED[name]}" for name in used)
    head = "| claim | published | ours | 95 % by seed | runs | answer |"
    head += "\n| --- | --- | --- | --- | --- | --- |"
    rows = "\n".join(map(str, findings))
    return (
        f"the paper's relative claims, by our means: {listed}. Signs that the seeds are sure of: "
        f"{sure} of {len(findings)}. {meaning}\n\n{head}\n{rows}"
    )


_ANSWERS = {
    "agrees": "agree",
    "size": f"have the sign but not the size within a factor {FACTOR:g}",
    "differs": "differ",
    "missing": "miss runs",
}


def _judge(claim: Claim, cells: Sequence[TableCell]) -> Finding:
    found = [_find(at, cells) for at in (claim.at, claim.against)]
    one, other = (compared(cell, claim.of) if cell else {} for cell in found)
    if not one or not other:
        return Finding(claim, None)
    ours, theirs = mean(one.values()), mean(other.values())
    value = ours / theirs if claim.by == "ratio" else ours - theirs
    records = [record for cell in found if cell for record in cell.records]
    step = one_image(records) if claim.of != "early_stop" else _spacing([one, other])
    return Finding(claim, value, (len(one), len(other)), _interval(claim, one, other, step))


def _interval(
    claim: Claim, one: Mapping[int, float], other: Mapping[int, float], step: float
) -> tuple[float, float]:
    """The ends of 95 %, from the seeds of both; `step` is the smallest difference of a number."""
    ratio = claim.by == "ratio"
    if ratio:
        step /= max(*one.values(), *other.values())  # of a logarithm, about
        one, other = ({seed: log(x) for seed, x in side.items()} for side in (one, other))
    found = differences(one, other)
    if len(found) < 2:
        return nan, nan
    _, low, high, _ = paired(found, step)
    return (exp(low), exp(high)) if ratio else (low, high)


def _spacing(sides: Sequence[Mapping[int, float]]) -> float:
    """The number of steps between evaluations, as far as the steps of early stopping tell."""
    return float(gcd(*(round(step) for side in sides for step in side.values())))


def _find(at: Mapping[str, Any], cells: Sequence[TableCell]) -> TableCell | None:
    for cell in cells:
        if all(n in cell.axes and same(value, cell.axes[n]) for n, value in at.items()):
            return cell
    return None


def _number(value: float, ratio: bool) -> str:
    """Three digits, steps whole; a difference with its sign."""
    sign, form = "" if ratio else "+", ".0f" if abs(value) >= 100 else ".3g"
    return f"{value:{sign}{form}}"


def _place(at: Mapping[str, Any]) -> str:
    return " ".join(str(value) for value in at.values())
