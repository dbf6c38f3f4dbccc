"""A made-up table: two methods, two sparsities, two seeds; its records are written by the tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from goldpan.reports import command
from goldpan.reports.results import Results, results_of_plan
from goldpan.reports.spec import Table, read_table
from goldpan.runs.record import Identity, Origin, Record
from goldpan.runs.results import Accuracies, Accuracy, Costs, Sparsity, WeightResult
from goldpan.sweeps.cells import Cell, Plan

PUBLISHED = [
    {"at": {"method": "snip", "sparsity": 0.9}, "mean": 93.0, "std": 0.2, "n": 3},
    {"at": {"method": "snip", "sparsity": 0.99}, "mean": 90.0, "n": 1, "source": "a table"},
    {"at": {"method": "dense"}, "mean": 94.0, "verify": False},
]
SPEC: dict[str, Any] = {
    "paper": "a paper & its table",
    "metric": "last",
    "rows": "method",
    "columns": "sparsity",
    "published": PUBLISHED,
    "unknown": "Much.",
}
SEEDS = ["0", "1"]


_IDENTITY = {one.name for one in fields(Identity)}


@dataclass(frozen=True)
class MadeUp:
    """A planned table whose runs have names such as snip-0.9-1."""

    plan: Plan

    @property
    def table(self) -> Table:
        return read_table(self.plan)

    @property
    def results(self) -> Results:
        return results_of_plan(self.plan, self.table, "last")

    @staticmethod
    def weights(asked: float, flops: int = 100) -> WeightResult:
        """What became of the weights of a run at this sparsity."""
        return WeightResult(Sparsity(asked, asked, asked, asked, {}), 1000, 100, flops, masks="")

    def write(self, tests: dict[str, float], **changed: Any) -> None:
        """Write the records of the runs whose test accuracy is given here."""
        names = {name: changed.pop(name) for name in [*changed] if name in _IDENTITY}
        for cell in self.plan.runs:
            who = cell.draft.identity
            if who.id in tests:
                record = replace(
                    cell.draft,
                    identity=replace(who, **names),
                    status="finished",
                    error=None,
                    accuracies=Accuracies(Accuracy(epoch=1, test=tests[who.id])),
                    costs=Costs({}, parameters=1000, flops=1000, convention=""),
                    weights=self.weights(float(who.id.split("-")[1])),
                )
                cell.folder.mkdir(exist_ok=True)
                replace(record, **changed).write(cell.folder / "record.json")

    def finish(self) -> None:
        """Write all records but those of SNIP at 99 %."""
        dense = {"dense-0-0": 94.1, "dense-0-1": 94.3}
        self.write({**dense, "snip-0.9-0": 92.9, "snip-0.9-1": 93.1})


@pytest.fixture
def plan_table(tmp_path: Path) -> Callable[..., MadeUp]:
    """plan_table(*words, methods=...) plans the table with further words typed."""

    def planned(*typed: str, methods: Sequence[str] = ("dense", "snip")) -> MadeUp:
        axes = {"method": list(methods), "sparsity": ["0.9", "0.99"], "seed": SEEDS}
        cells = []
        for method in methods:
            for sparsity in axes["sparsity"]:
                for seed in SEEDS:
                    asked = "0" if method == "dense" else sparsity
                    name = f"{method}-{asked}-{seed}"
                    at = {"method": method, "sparsity": sparsity, "seed": seed}
                    words = ("+table=demo", *(f"{key}={value}" for key, value in at.items()))
                    choices = {"output": str(tmp_path)}
                    draft = _draft(name, method, float(asked), int(seed))
                    cells.append(Cell((*words, *typed), at, choices, draft, tmp_path / name))
        return MadeUp(Plan(SPEC, axes, cells, axes))

    return planned


@pytest.fixture
def made_up(plan_table: Callable[..., MadeUp]) -> MadeUp:
    """The table as its file has it."""
    return plan_table()


@pytest.fixture
def typed(made_up: MadeUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    """The table that `+table=demo` stands for."""
    conf = tmp_path / "conf"
    (conf / "table").mkdir(parents=True)
    (conf / "table/demo.yaml").touch()
    monkeypatch.setattr(command, "plan", lambda words, conf: made_up.plan)
    monkeypatch.setattr(command, "conf_folder", lambda: conf)
    return made_up


def _draft(name: str, method: str, asked: float, seed: int) -> Record:
    choices = {"dataset": {"root": "data"}, "sparsity": asked}
    who = Identity(name, "digits vgg11 quick", method, seed, choices, "2026-01-01T00:00:00+00:00")
    data = {"name": "digits", "train": 1294, "test": 359}
    origin = Origin("abc", {"torch": "2.15.0"}, {"cpu": "a processor"}, data)
    return Record(who, status="failed", error="did not end", origin=origin)
