"""Where the training of a cell stands, read from the files that it writes anyway."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldpan.duration import Duration
from goldpan.runs.curve import read_curve
from goldpan.runs.record import CHECKPOINT, CONFIG, CURVE
from goldpan.sweeps.cells import Cell


@dataclass(frozen=True)
class Position:
    """After how many of its epochs, or of its steps if `unit` says so, a training stands.

    `accuracy` (%) is the latest on `split`, which is validation, or test where there is no such
    split; `seconds` are those of training and evaluation so far.
    """

    done: int
    of: int
    unit: str
    accuracy: float | None
    split: str
    seconds: float

    @property
    def fraction(self) -> float:
        """How much is done, in [0, 1]."""
        return min(1.0, self.done / self.of)

    @property
    def total(self) -> float:
        """The seconds of the whole training, at the pace so far."""
        return self.seconds / self.fraction if self.fraction else 0.0

    @property
    def place(self) -> str:
        """The epoch, of how many."""
        return f"{self.unit} {self.done} of {self.of}"

    @property
    def measured(self) -> str:
        """The accuracy, and of which split; empty without one."""
        return "" if self.accuracy is None else f"{self.split} {self.accuracy:.2f} %"


def read_position(cell: Cell) -> Position | None:
    """Where a cell's newest curve ends; None without one."""
    try:
        rows = read_curve(max(_curves(cell.folder), key=_written))
    except (ValueError, OSError):  # there is none, or it was moved away meanwhile
        return None
    if not rows or not {"epoch", "step"} <= rows[-1].keys():
        return None
    last = rows[-1]
    split = "validation" if "val/accuracy" in last else "test"
    unit, of = _length(cell.choices)
    names = ("training_seconds", "evaluation_seconds")
    return Position(
        done=int(last[unit]),
        of=of,
        unit=unit,
        accuracy=last.get("val/accuracy", last.get("test/accuracy")),
        split=split,
        seconds=sum(row.get(name, 0.0) for row in rows for name in names),
    )


def begun(cell: Cell) -> tuple[int, int]:
    """When the cell's run began and its curve was written; another value says that it runs.

    Values are compared with each other alone: the clock of the machine that writes may be another.
    """
    return _written(cell.folder / CONFIG), _written(cell.folder / CURVE)


def written(cell: Cell) -> tuple[int, ...]:
    """When the cell's curves were written."""
    return tuple(map(_written, _curves(cell.folder)))


def goes_on(folder: Path) -> bool:
    """Whether a run has a checkpoint to go on from, so that its curve counts."""
    return any(True for name in (CHECKPOINT, f"*/{CHECKPOINT}") for _ in folder.glob(name))


def _written(path: Path) -> int:
    """Nanoseconds of the file's last change; 0 without the file."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _curves(folder: Path) -> list[Path]:
    """The curves of a run, and of its rounds in folders within."""
    return [path for path in (folder / CURVE, *folder.glob(f"*/{CURVE}")) if path.exists()]


def _length(choices: Mapping[str, Any]) -> tuple[str, int]:
    """The unit in which the recipe says its length, and how long it is."""
    whole = Duration.parse(choices["recipe"]["epochs"])
    tuning = (choices["method"].get("channels") or {}).get("epochs")  # of fine-tuning
    asked = whole if tuning is None else Duration.parse(tuning)
    if asked.unit == "run":
        asked = Duration(asked.amount * whole.amount, whole.unit)
    return {"ep": "epoch", "it": "step"}[asked.unit], max(1, round(asked.amount))
