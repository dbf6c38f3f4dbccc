"""How long a cell takes, from the records of cells like it that ran on this hardware.

A record has the seconds of its own run. Those of a training that several runs share, and of the
levels below one of iterative pruning, stand in records of their own.
"""

import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from glob import escape
from pathlib import Path
from statistics import fmean
from typing import Any

from goldpan.runs.identity import identity
from goldpan.runs.provenance import processor
from goldpan.runs.record import RECORD, Record, read_record
from goldpan.sweeps.cells import Cell

RESULTS = Path("results")
"""The folder of records that a checkout comes with, from where commands are typed."""

HERE = "goldpan.sweeps.launchers.local.local"
"""The launcher whose cells run on this machine."""

Kind = tuple[str, ...]
"""What cells share that take equally long: a hash of choices, and the hardware."""

Machine = Mapping[str, str | int]


class Times:
    """The seconds of runs, by what decides how long they take.

    `hardware` is that of the cells, as a record names it; None counts runs on any.
    """

    def __init__(self, hardware: Machine | None = None) -> None:
        self.hardware = hardware
        self.seconds: dict[Kind, list[float]] = defaultdict(list)
        self.known = dict[str, tuple[Kind, Kind]]()

    def add(self, record: Record) -> None:
        """Count a run, if it is done and says what it took."""
        if not record.done or not (seconds := seconds_of(record)):
            return
        machine = None if self.hardware is None else record.origin.hardware
        for kind in _kinds(record.identity.choices, machine):
            self.seconds[kind].append(seconds)

    def update(self, other: "Times") -> None:
        """Count the runs of another too; it is of the same hardware."""
        for kind, seconds in other.seconds.items():
            self.seconds[kind] += seconds

    def expected(self, cell: Cell) -> float | None:
        """The mean seconds of the runs that differ from a cell in the seed alone.

        Without any it is that of the runs with its model, dataset, recipe and procedure; None
        without any of these either.
        """
        found = (self.seconds.get(kind) for kind in self.kinds(cell))
        return next((fmean(seconds) for seconds in found if seconds), None)

    def kinds(self, cell: Cell) -> tuple[Kind, Kind]:
        """What the cell shares with those that differ in the seed alone, and with those like it."""
        who = cell.draft.identity
        if who.id not in self.known:  # a sweep asks for them each second
            self.known[who.id] = _kinds(who.choices, self.hardware)
        return self.known[who.id]


def seconds_of(record: Record) -> float:
    """What a run took, as its record says; 0 where it does not."""
    costs = sum(record.costs.seconds.values()) if record.costs else 0.0
    return costs + (record.agent.seconds if record.agent else 0.0)


def read_times(cells: Sequence[Cell], results: Path) -> Times:
    """The times of the runs of these cells' models and datasets that have a record.

    They lie in the cells' output folder or below the folder `results`. A broken record, or one of
    a goldpan that had other choices, counts nothing.
    """
    times = Times(hardware_of(cells))
    for path in sorted(_records(cells, results)):
        try:
            times.add(read_record(path))
        except (ValueError, LookupError, TypeError, OSError):
            continue
    return times


def _records(cells: Iterable[Cell], results: Path) -> set[Path]:
    """The records whose folder begins with the dataset and the model of a cell."""
    outputs = {cell.folder.parent for cell in cells}
    begins = {"-".join(cell.folder.name.split("-")[:2]) for cell in cells}
    patterns = [f"{escape(begin)}-*/{RECORD}" for begin in begins]
    near = {path for output in outputs for one in patterns for path in output.glob(one)}
    return near | {path for one in patterns for path in results.glob(f"**/{one}")}


def _kinds(choices: Mapping[str, Any], machine: Machine | None) -> tuple[Kind, Kind]:
    """Two hashes of choices: of all but the seed, and of those that decide the work of a step."""
    same = {**_without(choices["seed"], choices), "checkpoint": None, "agent": None}
    like = {**same, "sparsity": 0, "method": {"pruner": None}}
    like |= dict.fromkeys(("schedule", "allocation", "controls"))
    place = _place(choices, machine)
    return (identity(same), *place), ("like", identity(like), *place)


def _without(seed: int, choices: Any) -> Any:
    """The choices without the run's seed, wherever it was copied to."""
    if not isinstance(choices, Mapping):
        return choices
    return {
        name: 0 if name == "seed" and value == seed else _without(seed, value)
        for name, value in choices.items()
    }


def _place(choices: Mapping[str, Any], machine: Machine | None) -> tuple[str, ...]:
    """The part of a machine that a run is fast or slow by."""
    if machine is None:
        return ()
    parts = ("cpu", "cores") if choices["strategy"]["accelerator"] == "cpu" else ("gpu",)
    return tuple(str(machine.get(part)) for part in parts)


def hardware_of(cells: Sequence[Cell]) -> Machine | None:
    """The hardware of this machine; None if the cells run elsewhere."""
    if any(cell.choices["launcher"]["_target_"] != HERE for cell in cells):
        return None
    on_gpu = any(cell.choices["strategy"]["accelerator"] != "cpu" for cell in cells)
    return processor() | ({"gpu": _gpu()} if on_gpu else {})


def _gpu() -> str:
    """The name of the first GPU; torch would open a context on it, which takes memory."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return "no GPU"
    return next(iter(said.stdout.splitlines()), "no GPU").strip()
