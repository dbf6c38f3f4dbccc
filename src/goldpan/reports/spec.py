"""A paper's table, from its file in conf/table: axes, metric, published numbers; and its checks."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from goldpan.choices import read_word
from goldpan.reports.claim import Claim, read_claim
from goldpan.reports.samples import Sample
from goldpan.reports.verdict import MARGIN, MARGIN_REASON

if TYPE_CHECKING:
    from goldpan.sweeps.cells import Plan

METRICS = {
    "last": "test accuracy (%) after the last epoch",
    "best": "test accuracy (%) at the epoch with the best validation accuracy",
    "best_on_test": "best test accuracy (%) of any epoch: selected on the test set",
    "best_on_test_of_last_5": "best test accuracy (%) of the last five evaluations",
}


@dataclass(frozen=True)
class Published:
    """An accuracy (%) as it was published, at values of the table's axes.

    `std` is the sample standard deviation of `n` runs, `standard_error` what some papers print
    instead, std / sqrt(n); None where it is not known. An axis that
    `at` leaves out does not matter: a dense network is the same at every sparsity. A number with
    `verify` false is of another recipe: shown for orientation, never judged.
    """

    at: Mapping[str, Any]
    mean: float
    std: float | None = None
    n: int | None = None
    standard_error: float | None = None
    source: str = ""
    verify: bool = True

    def covers(self, axes: Mapping[str, str]) -> bool:
        """Whether this is the number at these values of the axes."""
        return all(name in axes and same(value, axes[name]) for name, value in self.at.items())

    @property
    def sample(self) -> Sample:
        """The number as a sample; 2 runs, the fewest, stand behind an error of unknown n."""
        if self.standard_error is None:
            return Sample(self.mean, self.std, self.n)
        n = self.n or 2
        return Sample(self.mean, self.standard_error * n**0.5, n)

    def __str__(self) -> str:
        error = "" if self.standard_error is None else f" (SE {self.standard_error:.2f})"
        runs = "" if self.n is None else f" (n={self.n})"
        return f"{Sample(self.mean, self.std)}{error}{runs}" + ("" if self.verify else " †")


@dataclass(frozen=True)
class Table:
    """What a file of conf/table says: which axes stand in rows and columns, what was published.

    `metric` is the convention of the published numbers, one of METRICS; `claims` are what was
    published of one cell relative to another; `unknown` a sentence on
    what of the paper is not known; `notes` one on what else was published. A difference below
    `margin` (points) would not matter to a reader of this table, for the reason given.
    """

    name: str
    paper: str
    metric: str
    rows: str
    columns: str
    published: Sequence[Published] = ()
    unknown: str = ""
    notes: str = ""
    margin: float = MARGIN
    margin_reason: str = MARGIN_REASON
    claims: Sequence[Claim] = ()

    @property
    def across(self) -> str:
        """The axis that has a curve a value: the rows', unless the sparsities stand there."""
        return self.columns if self.rows == "sparsity" else self.rows

    @property
    def along(self) -> str:
        """The axis that curves run along: the sparsities', if they are in rows or columns."""
        return self.rows if self.rows == "sparsity" else self.columns

    def at(self, axes: Mapping[str, str]) -> Published | None:
        """What was published at these values of the axes."""
        return next((number for number in self.published if number.covers(axes)), None)


def same(one: object, other: object) -> bool:
    """Whether two values of an axis are one: 0.5 and 0.50 are."""
    try:
        return float(str(one)) == float(str(other))
    except ValueError:
        return str(one) == str(other)


def read_table(plan: "Plan") -> Table:
    """The table of a plan.

    Raises:
        ValueError: if there is none, or it lacks something or says what cannot be.
    """
    if plan.table is None:
        raise ValueError("expected a table, such as +table=digits; got none")
    name = _name(plan)
    _check_keys(f"table {name}", plan.table, Table, {"name"})
    _check_margin(f"table {name}", plan.table)
    numbers = []
    for entry in plan.table.get("published") or ():
        _check_keys(f"a published number of table {name}", entry, Published, set())
        numbers.append(Published(**entry))
        _check_number(name, numbers[-1])
    claims, where = list[Claim](), f"a claim of table {name}"
    for entry in plan.table.get("claims") or ():
        _check_keys(where, entry, Claim, set())
        claims.append(read_claim(where, entry))
    return Table(name, **{**plan.table, "published": tuple(numbers), "claims": tuple(claims)})


def _name(plan: "Plan") -> str:
    """The name behind +table=."""
    words = (read_word(text) for cell in plan.cells for text in cell.overrides)
    return next((word.value for word in words if word.name == "table"), "table")


def check_table(plan: "Plan") -> None:
    """Refuse a table that no sweep could fill, before one begins.

    A published number must lie on the axes; narrowing an axis on the command line does not count
    against the numbers that its file's own values reach.

    Raises:
        ValueError: in one sentence, what is wrong with the table.
    """
    table = read_table(plan)
    where = f"table {table.name}"
    if table.metric not in METRICS:
        raise ValueError(f"{where}: metric is one of {', '.join(METRICS)}; got {table.metric}")
    for role, axis in (("rows", table.rows), ("columns", table.columns)):
        if axis not in plan.axes:
            listed = ", ".join(plan.axes)
            raise ValueError(f"{where}: {role} names no axis; got {axis}, the axes are {listed}")
    if table.rows == table.columns:
        raise ValueError(f"{where}: rows and columns are two axes; got {table.rows} for both")
    places = [number.at for number in table.published]
    places += [at for claim in table.claims for at in (claim.at, claim.against)]
    for place in places:
        for axis, value in place.items():
            values = [*plan.own.get(axis, ()), *plan.axes.get(axis, ())]
            _check_reached(where, axis, value, values)
    taken = [frozenset((axis, str(v)) for axis, v in n.at.items()) for n in table.published]
    if twice := [place for place in taken if taken.count(place) > 1]:
        listed = ", ".join(f"{axis}={value}" for axis, value in sorted(twice[0]))
        raise ValueError(f"{where}: two numbers are published at {listed}; one cell takes one")


def _check_reached(where: str, axis: str, value: object, values: Sequence[str]) -> None:
    if not values:
        raise ValueError(f"{where}: a number is published at {axis}={value}, which is no axis")
    if not any(same(value, one) for one in values):
        listed = ", ".join(dict.fromkeys(values))
        raise ValueError(
            f"{where}: no run is at {axis}={value}, where a number is published; {axis} takes "
            f"{listed}"
        )


def _check_keys(where: str, given: object, kind: type, ours: set[str]) -> None:
    """Raise ValueError for a key that is missing, or that the dataclass does not have."""
    if not isinstance(given, Mapping):
        raise ValueError(f"{where}: expected names with values; got {given}")
    known = {field.name: field for field in fields(kind) if field.name not in ours}
    optional = {field.name for field in fields(kind) if field.default is not MISSING}
    if wrong := [key for key in given if key not in known]:
        raise ValueError(f"{where} takes {', '.join(known)}; got {wrong[0]}")
    if missing := [key for key in known if key not in optional and given.get(key) is None]:
        raise ValueError(f"{where} lacks {missing[0]}")


def _check_margin(where: str, given: Mapping[str, Any]) -> None:
    """Raise ValueError for a margin that is no number of points, or that nothing is said for."""
    margin = given.get("margin", MARGIN)
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 < margin <= 100:
        raise ValueError(f"{where}: margin is a number of points above 0; got {margin}")
    if ("margin" in given) != bool(given.get("margin_reason")):
        raise ValueError(f"{where}: margin and margin_reason stand together; got one of them")


def _check_number(name: str, number: Published) -> None:
    """Raise ValueError for what is no accuracy, no deviation or no number of runs."""
    values: list[Any] = [number.mean, number.std, number.standard_error, number.n]
    ranges = [("mean", 0, 100), ("std", 0, 100), ("standard_error", 0, 100), ("n", 1, float("inf"))]
    for value, (word, low, high) in zip(values, ranges, strict=True):
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (numeric and low <= value <= high):
            limits = f"at least {low}" if word == "n" else f"percent, from {low} to {high}"
            raise ValueError(f"table {name}: {word} is a number, {limits}; got {value}")
    if number.std is not None and number.standard_error is not None:
        raise ValueError(f"table {name}: a number has a std or a standard_error; got both")
    if not isinstance(number.at, Mapping):
        raise ValueError(f"table {name}: at holds axes with their values; got {number.at}")
