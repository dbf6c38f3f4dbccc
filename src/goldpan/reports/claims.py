"""A paper's relative claims: how one cell of a table stands to another, instead of a number.

A claim is judged by its sign and by its size: ours **agrees** if it points the same way and its
size lies within FACTOR of the published one, has another **size** if it only points the same way,
and **differs** otherwise. Sizes of ratios are compared by their logarithms: "2.5 times slower" and
"2.5 times faster" are equally far from no difference. A claim of no difference agrees within its
`margin`. Means over the seeds are compared; it is a check of what was read, no test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import mean
from typing import Any

from goldpan.reports.claim import COMPARED, Claim
from goldpan.reports.early_stopping import values
from goldpan.reports.spec import same
from goldpan.reports.table_cell import TableCell

FACTOR = 1.5
"""By which a size may be off, up or down."""


@dataclass(frozen=True)
class Finding:
    """Ours beside a claim: `ours` is None where a cell has no runs."""

    claim: Claim
    ours: float | None
    runs: tuple[int, int] = (0, 0)

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
        ours = "-" if self.ours is None else f"{self.ours:.3g}" if ratio else f"{self.ours:+.3g}"
        counted = f"{self.runs[0]} and {self.runs[1]}"
        return f"| {' | '.join((what, published, ours, counted, self.answer))} |"


def judge_claims(claims: Sequence[Claim], cells: Sequence[TableCell]) -> list[Finding]:
    """Each claim beside what our runs say."""
    return [_judge(claim, cells) for claim in claims]


def claims_table(findings: Sequence[Finding]) -> str:
    """The claims as a Markdown table; empty without any."""
    if not findings:
        return ""
    counts = {name: [f.answer for f in findings].count(name) for name in _ANSWERS}
    listed = ", ".join(f"{count} {_ANSWERS[name]}" for name, count in counts.items() if count)
    used = dict.fromkeys(finding.claim.of for finding in findings)
    meaning = "; ".join(f"{name}: {COMPARED[name]}" for name in used)
    head = "| claim | published | ours | runs | answer |\n| --- | --- | --- | --- | --- |"
    rows = "\n".join(map(str, findings))
    return f"the paper's relative claims: {listed}. {meaning}\n\n{head}\n{rows}"


_ANSWERS = {
    "agrees": "agree",
    "size": f"have the sign but not the size within a factor {FACTOR:g}",
    "differs": "differ",
    "missing": "miss runs",
}


def _judge(claim: Claim, cells: Sequence[TableCell]) -> Finding:
    sides = [_values(claim.of, at, cells) for at in (claim.at, claim.against)]
    if not all(sides):
        return Finding(claim, None)
    one, other = (mean(side) for side in sides)
    ours = one / other if claim.by == "ratio" else one - other
    return Finding(claim, ours, (len(sides[0]), len(sides[1])))


def _values(metric: str, at: Mapping[str, Any], cells: Sequence[TableCell]) -> list[float]:
    for cell in cells:
        if all(n in cell.axes and same(value, cell.axes[n]) for n, value in at.items()):
            return values(cell, metric)
    return []


def _place(at: Mapping[str, Any]) -> str:
    return " ".join(str(value) for value in at.values())
