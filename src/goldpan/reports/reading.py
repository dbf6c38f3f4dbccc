"""The records of runs, and a sentence on each run that does not count."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from goldpan.runs.record import RECORD, Record, read_record
from goldpan.sweeps.cells import Cell

EXPORT = "goldpan.procedures.export.export"
"""The procedure that writes files of a network that another run has trained."""


@dataclass(frozen=True)
class Runs:
    """The records of the runs that count or failed, by folder; `sentences` on what is left out."""

    records: Mapping[Path, Record]
    sentences: Sequence[str]


def read_planned(cells: Iterable[Cell], metric: str) -> Runs:
    """The records of a sweep's cells; a run that has none yet is missing."""
    return _read({cell.folder: cell.record for cell in cells}, metric)


def read_below(folder: Path, metric: str) -> Runs:
    """The records below a folder, oldest first; of several with one name and seed the last.

    Raises:
        FileNotFoundError: if there is none.
    """
    paths = sorted(folder.rglob(RECORD))
    if not paths:
        raise FileNotFoundError(f"no {RECORD} below {folder}; `goldpan` makes one a run")
    found = _read({path.parent: partial(read_record, path) for path in paths}, metric)
    placed = [item for item in found.records.items() if sparsity_asked(item[1]) is not None]
    placed.sort(key=lambda item: item[1].identity.started)
    last: dict[object, tuple[Path, Record]] = {}
    for path, record in sorted(placed, key=lambda item: item[1].done):  # one that failed is no last
        last[_name(record)] = path, record
    kept, sentences = dict[Path, Record](), [*found.sentences]
    for path, record in placed:
        at, later = last[_name(record)]
        if at == path:
            kept[path] = record
        elif record.done:
            this, that = record.identity, later.identity
            sentences.append(
                f"not counted: {this.method} on {this.setting}, seed {this.seed}, run {this.id} of "
                f"{this.started}: run {that.id} of {that.started} has the same name and seed"
            )
    return Runs(kept, sentences)


def sparsity_asked(record: Record) -> float | None:
    """The sparsity that a run was to have; of one that failed, its choices say it."""
    asked = record.sparsity.asked if record.sparsity else record.identity.choices.get("sparsity")
    return float(asked) if isinstance(asked, int | float) else None


def is_export(record: Record) -> bool:
    """Whether a run wrote another run's network for others, and is no result of its own."""
    procedure = record.identity.choices.get("procedure") or {}
    return procedure.get("_target_") == EXPORT


def _read(readers: Mapping[Path, Callable[[], Record | None]], metric: str) -> Runs:
    """Read a record for each folder, and keep those that failed or have the metric."""
    records, sentences = dict[Path, Record](), list[str]()
    for folder, read in readers.items():
        try:
            record = read()
        except ValueError as error:
            sentences.append(f"not counted: {error}")
            continue
        if record is None or is_export(record):
            continue
        if not record.done:
            sentences.append(f"failed: {folder / RECORD}: {record.error}")
        elif record.accuracy(metric) is None:
            sentences.append(f"not counted: {folder / RECORD} has no accuracy {metric}")
            continue
        records[folder] = record
    return Runs(records, sentences)


def _name(record: Record) -> tuple[object, ...]:
    """What two runs share of which only the last counts."""
    who = record.identity
    return who.setting, who.method, sparsity_asked(record), who.seed
