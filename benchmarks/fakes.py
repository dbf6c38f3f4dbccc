"""Tables that are full without a run: made-up records where the runs would put theirs."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from goldpan.runs.provenance import hardware, versions
from goldpan.runs.record import RECORD, Origin, Record
from goldpan.runs.results import Accuracies, Accuracy, Costs, Sparsity, WeightResult
from goldpan.sweeps.cells import Cell, Plan, plan

CONF = Path(__file__).parents[1] / "conf"

METHODS, SPARSITIES = ("random", "magnitude", "snip", "synflow"), (0.8, 0.9, 0.95, 0.98, 0.99)


def words(cells: int, folder: Path) -> list[str]:
    """What is typed for a digits table of so many cells: 20 for each seed, or a row of 10.

    Raises:
        ValueError: if no table has so many.
    """
    methods = METHODS[:2] if cells == 10 else METHODS
    if cells != 10 and cells % 20:
        raise ValueError(f"cells must be 10 or a multiple of 20, got {cells}")
    seeds = max(1, cells // 20)
    return [
        "+table=digits",
        f"method={','.join(methods)}",
        f"sparsity={','.join(map(str, SPARSITIES))}",
        f"seed={','.join(map(str, range(seeds)))}",
        "logger=none",
        f"output={folder}",
    ]


def planned(cells: int, folder: Path) -> Plan:
    """The plan of such a table."""
    return plan(words(cells, folder), CONF)


def finish(cells: Iterable[Cell]) -> None:
    """Write a record of a finished run for each cell."""
    machine, libraries = hardware(), versions()
    for index, cell in enumerate(cells):
        cell.folder.mkdir(parents=True, exist_ok=True)
        made_up(cell.draft, index, machine, libraries).write(cell.folder / RECORD)


def made_up(
    draft: Record, index: int, machine: dict[str, str | int], libraries: dict[str, str]
) -> Record:
    """A record of the size and the fields that a run's has, with invented results."""
    asked = float(draft.identity.choices["sparsity"])
    accuracy = Accuracy(10, 90 + index % 7 / 10, 90.0, 91.0)
    data = {"name": "digits", "train": 1294, "validation": 143, "test": 360}
    seconds = {"scoring": 0.1, "training": 1.0, "evaluation": 0.1}
    layers = {f"features.{layer}.weight": asked for layer in range(8)}
    return replace(
        draft,
        status="finished",
        error=None,
        origin=Origin("made up", libraries, machine, data),
        accuracies=Accuracies(accuracy, accuracy, accuracy),
        costs=Costs(seconds, 1000, 1000, "made up", 1000.0),
        weights=WeightResult(
            Sparsity(asked, asked, asked, asked, layers), 1000, 100, 100, masks=64 * "0"
        ),
        ranks=(64 * "0",),
    )
