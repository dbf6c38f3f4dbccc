"""The record of one run: what was chosen, on what machine, and what came out; as JSON."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from goldpan.files import write_atomically

FORMAT = 1

RECORD, CHECKPOINT, LOCK = "record.json", "last.ckpt", ".lock"
"""Files in a run's folder: what it came to, where it goes on if cut short, who is at it."""

WEIGHTS, ARCHITECTURE = "model.pt", "architecture.json"
"""The final network: its state dict, and the sizes of its layers."""

Histogram = list[list[int]]
"""For each epoch, the number of channels in equal bins of importance over [0, 1]."""

Status = Literal["finished", "collapsed", "failed"]


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracies in percent at the end of one epoch (from 1; 0 is before training)."""

    epoch: int
    test: float
    val: float | None = None
    train: float | None = None


@dataclass(frozen=True)
class Sparsity:
    """Fractions in [0, 1]: `asked` and `got` over the prunable weights, `parameters` over all.

    Of a network whose channels were removed, `got` and `layers` (by norm) count channels.

    `effective` counts as cut what no path of kept weights connects to input and output.
    """

    asked: float
    got: float
    parameters: float
    effective: float
    layers: Mapping[str, float]
    granularity: Literal["weight", "channel"] = "weight"

    @property
    def emptied(self) -> list[str]:
        """The weights of which nothing is kept."""
        return [name for name, sparsity in self.layers.items() if sparsity == 1]


@dataclass(frozen=True)
class Record:
    """One run: a method, with its seed, in a setting (dataset, model, recipe).

    `choices` is its whole resolved configuration, without the paths of this machine.

    `last` is the last epoch; `best` the one with the best validation accuracy among those at the
    final sparsity (None without a validation split); `best_on_test` the epoch with the best test
    accuracy, which many papers report and which selects on the test set: for comparison only.
    `masks` is the sha256 of the masks, `ranks` that of each process's trained network.
    Of a run that removed channels, `trained` is before and `pruned` after that, `last` and `best`
    are after fine-tuning, `flops["sparse"]` is what the smaller network takes, `latency` holds
    milliseconds measured on the CPU, dense and shrunk, by batch size, and `floored` names the
    layers that kept more channels than asked, lest they fall under their floor, and how many.
    Of a run with compact=true, `compaction` says what its training was spared: the fractions of
    channels removed and of parameters and FLOPs kept, and milliseconds of a training step's passes,
    masked and compacted.
    Of a run that trained an agent, `returns` holds an episode's return by policy and sparsity.
    """

    id: str
    status: Status
    setting: str
    method: str
    seed: int
    choices: Mapping[str, Any]
    started: str
    error: str | None = None
    commit: str = "unknown"
    versions: Mapping[str, str] = field(default_factory=dict)
    hardware: Mapping[str, str | int] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    images_per_second: float | None = None
    sparsity: Sparsity | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    flops: Mapping[str, int | str] = field(default_factory=dict)
    masks: str = ""
    ranks: tuple[str, ...] = ()
    last: Accuracy | None = None
    best: Accuracy | None = None
    best_on_test: Accuracy | None = None
    trained: Accuracy | None = None
    pruned: Accuracy | None = None
    latency: Mapping[str, float] = field(default_factory=dict)
    floored: Mapping[str, int] = field(default_factory=dict)
    importances: Histogram = field(default_factory=list)
    compaction: Mapping[str, float] = field(default_factory=dict)
    exports: Mapping[str, float] = field(default_factory=dict)
    returns: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def done(self) -> bool:
        """Whether the run has a result, and so is never run again."""
        return self.status in ("finished", "collapsed")

    def summary(self) -> str:
        """One line: which run, its accuracies, the sparsity asked and got."""
        text = f"{self.method} on {self.setting}, seed {self.seed}: {self.status}"
        if self.last is not None:
            text += f", test accuracy {self.last.test:.2f} % (last epoch, {self.last.epoch})"
        if self.best is not None:
            text += f", {self.best.test:.2f} % (best validation epoch, {self.best.epoch})"
        if self.sparsity is not None:
            text += f"; sparsity asked {self.sparsity.asked:g}, got {self.sparsity.got:.6g}"
            text += f" (effective {self.sparsity.effective:.6g})"
        if self.compaction:
            faster = self.compaction["masked_ms"] / self.compaction["compacted_ms"]
            gone = 100 * self.compaction["channels_removed"]
            text += f"; compacted: {gone:.3g} % of the channels gone, steps {faster:.1f}x as fast"
        for policy, returns in self.returns.items():
            listed = ", ".join(f"{value:.1f} at {target}" for target, value in returns.items())
            text += f"; return of {policy}: {listed}"
        if self.floored:
            kept = ", ".join(f"{name} {count}" for name, count in self.floored.items())
            text += f"; channels kept by the floor of their layer: {kept}"
        return text

    def write(self, path: Path) -> None:
        """Write the record as JSON, sealed, whole or not at all."""
        values = asdict(self)
        sealed = values | {"seal": _seal(values)}
        write_atomically(path, json.dumps(sealed, indent=2, allow_nan=False) + "\n")


def read_record(path: Path) -> Record:
    """The record in a file.

    Raises:
        ValueError: if the file is cut short, of another format, not a record, or was edited after
            it was written (records of before there were seals have none).
    """
    try:
        values = json.loads(path.read_text())
        seal = values.pop("seal", None)
        if values["format"] != FORMAT:
            raise ValueError(f"format {values['format']}, this goldpan reads format {FORMAT}")
        unknown = values.keys() - {field.name for field in fields(Record)}
        if unknown:
            raise ValueError(f"unknown field {min(unknown)}")
        if seal is not None and seal != _seal(values):
            raise ValueError("it was edited after it was written")
        for name in ("last", "best", "best_on_test", "trained", "pruned"):
            values[name] = Accuracy(**values[name]) if values[name] else None
        values["sparsity"] = Sparsity(**values["sparsity"]) if values["sparsity"] else None
        values["ranks"] = tuple(values["ranks"])
        return Record(**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a whole record: {error}") from error


def _seal(values: Mapping[str, Any]) -> str:
    """The sha256 of a record's fields, by which an edit shows; no protection against forgery."""
    text = json.dumps(json.loads(json.dumps(values)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
