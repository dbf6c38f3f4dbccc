"""The rows of the table: what is measured against what, the target, and whether it is met."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from benchmarks.measure import Impossible, Pairs, Spread, seconds, spread
from benchmarks.others import QUIET, Others

Verdict = Literal["pass", "MISS", "ERROR", "skipped", ""]

HEADER = (
    "| # | row | work, against its rival | measured (quartiles) | target | | meaning |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True)
class Target:
    """What is looked at, and the bound that it must keep; no bound, no verdict."""

    kind: Literal["faster", "share", "value"]
    bound: float | None

    def values(self, pairs: Pairs) -> list[float]:
        """faster: rival / ours; share: ours / rival; value: ours."""
        if self.kind == "value":
            return list(pairs.ours)
        both = zip(pairs.ours, pairs.rival, strict=True)
        if self.kind == "share":
            return [ours / rival for ours, rival in both]
        return [rival / ours for ours, rival in both]

    def met(self, value: float) -> bool:
        """Whether a median keeps the bound."""
        if self.bound is None:
            return True
        return value >= self.bound if self.kind == "faster" else value <= self.bound

    def __str__(self) -> str:
        if self.bound is None:
            return ""
        return f"{'≥' if self.kind == 'faster' else '≤'} {self.bound:g}{_unit(self.kind)}"


def at_least(bound: float | None) -> Target:
    """So many times as fast as the rival."""
    return Target("faster", bound)


def at_most(bound: float | None) -> Target:
    """So large a share of what the rival takes."""
    return Target("share", bound)


def seconds_at_most(bound: float | None) -> Target:
    """So many seconds; there is no rival."""
    return Target("value", bound)


@dataclass(frozen=True)
class Row:
    """One line of the table: `work` against `rival`, in the words of a reader.

    `number` is the row's in the list of targets, `name` is what ONLY= takes, `gpu` says that it
    makes sense on a GPU as well.
    """

    number: int
    name: str
    work: str
    rival: str
    target: Target
    meaning: str
    measure: Callable[[torch.device], Pairs]
    gpu: bool = False


@dataclass(frozen=True)
class Line:
    """A row with what came out.

    `why` says what went wrong or could not be, `others` how many cores other processes used.
    """

    row: Row
    verdict: Verdict
    pairs: Pairs | None
    took: float = 0.0
    others: float = 0.0
    why: str = ""

    def spread(self) -> Spread | None:
        """The ratio, or the value where there is no rival."""
        return spread(self.row.target.values(self.pairs)) if self.pairs else None

    def markdown(self) -> str:
        """The line of the printed table."""
        row, found = self.row, self.spread()
        text = self.why
        if found is not None:
            unit = _unit(row.target.kind)
            text = f"{found.median:.3g}{unit} ({found.low:.3g} to {found.high:.3g})"
        works = f"{row.work}, against {row.rival}" if row.rival else row.work
        notes = [row.meaning, *([self.pairs.note] if self.pairs and self.pairs.note else [])]
        if self.others > QUIET and self.pairs and self.pairs.unit == "s":
            notes.append(f"Others used {self.others:.1f} cores meanwhile.")
        verdict = f"**{self.verdict}**" if self.verdict in ("MISS", "ERROR") else self.verdict
        cells = [row.number, row.name, works, text, row.target, verdict, " ".join(notes)]
        return f"| {' | '.join(str(cell) for cell in cells)} |"

    def json(self) -> dict[str, Any]:
        """The line of results.json: `measured` is in the unit of the target, the rest as taken."""
        row, found = self.row, self.spread()
        values: dict[str, Any] = {
            "number": row.number,
            "name": row.name,
            "work": row.work,
            "rival": row.rival,
            "target": {"kind": row.target.kind, "bound": row.target.bound},
            "verdict": self.verdict,
            "meaning": row.meaning,
            "why": self.why,
            "took_seconds": round(self.took, 1),
            "others_used_cores": round(self.others, 2),
        }
        if found is not None and self.pairs is not None:
            values["measured"] = {"median": found.median, "quartiles": [found.low, found.high]}
            values["pairs"] = len(self.pairs.ours)
            values["unit"], values["note"] = self.pairs.unit, self.pairs.note
            values["ours"] = spread(self.pairs.ours).median
            values["rivals"] = spread(self.pairs.rival).median if row.rival else None
        return values


def run(row: Row, device: torch.device) -> Line:
    """Measure a row; what goes wrong in it stops no other."""
    found, others = list[Pairs](), Others()
    try:
        took = seconds(lambda: found.append(row.measure(device)))
    except Impossible as error:
        return Line(row, "skipped", None, why=str(error))
    except Exception as error:
        return Line(row, "ERROR", None, why=f"{type(error).__name__}: {error}")
    verdict: Verdict = ""
    if row.target.bound is not None:
        met = row.target.met(spread(row.target.values(found[0])).median)
        verdict = "pass" if met else "MISS"
    return Line(row, verdict, found[0], took, others.cores())


def chosen(rows: Sequence[Row], words: Sequence[str]) -> list[Row]:
    """The rows with one of the words in their name, or with that number; all if there is no word.

    Raises:
        ValueError: if a word is in no name.
    """
    for word in words:
        if not any(_matches(row, word) for row in rows):
            names = ", ".join(row.name for row in rows)
            raise ValueError(f"no row is called {word}; there are {names}")
    return [row for row in rows if not words or any(_matches(row, word) for word in words)]


def _matches(row: Row, word: str) -> bool:
    return word == str(row.number) or (not word.isdigit() and word in row.name)


def _unit(kind: str) -> str:
    return " s" if kind == "value" else "x"
