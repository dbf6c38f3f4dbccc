"""The record of one run: what was chosen, on what machine, and what came out; as JSON."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from goldpan.files import write_atomically
from goldpan.runs.format_1 import from_format_1
from goldpan.runs.results import (
    Accuracies,
    Accuracy,
    ChannelResult,
    Costs,
    Histogram,
    LevelResult,
    Sparsity,
    WeightResult,
)
from goldpan.runs.results_of_procedures import (
    AgentResult,
    Certified,
    EnsembleResult,
    Firing,
    FullResult,
    SuperResolutionResult,
)
from goldpan.runs.typed import build

FORMAT = 2

RECORD, CHECKPOINT, LOCK = "record.json", "last.ckpt", ".lock"
"""Files in a run's folder: what it came to, where it goes on if cut short, who is at it."""

CONFIG, CURVE = "config.yaml", "metrics.csv"
"""What was chosen, written when the run begins; its training, a row an evaluation."""

WEIGHTS, BEST, ARCHITECTURE = "model.pt", "best_on_test.pt", "architecture.json"
"""The final network: its state dict, and the sizes of its layers."""

FULL = "full.pt"
"""The whole network of a run that is about a part of it, its core: its state dict."""

Status = Literal["finished", "collapsed", "failed"]


@dataclass(frozen=True)
class Identity:
    """Who a run is, known before it starts: a method, with its seed, in a setting.

    `setting` names dataset, model and recipe; `choices` is the whole resolved configuration,
    without the paths of this machine; `id` is a hash of those choices that decide the result.
    """

    id: str
    setting: str
    method: str
    seed: int
    choices: Mapping[str, Any]
    started: str


@dataclass(frozen=True)
class Origin:
    """Where the numbers come from: the code, the libraries, the machine and the images.

    `start` says where the first weights are from, if not drawn: the `source`, how many tensors were
    `loaded`, and the names of those drawn `anew`. `fingerprint` is that of
    `goldpan.runs.fingerprint`; records of before there was one have "".
    """

    commit: str = "unknown"
    versions: Mapping[str, str] = field(default_factory=dict)
    hardware: Mapping[str, str | int] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""


@dataclass(frozen=True)
class Record:
    """One run: who it is, how it ended, and what came out; a part is None where it does not apply.

    `importances` of channels were counted where a penalty acts on them. `ranks` holds the sha256 of
    each process's trained network; `exports` each file's largest difference of logits.
    """

    identity: Identity
    status: Status
    error: str | None = None
    origin: Origin = field(default_factory=Origin)
    accuracies: Accuracies | None = None
    costs: Costs | None = None
    weights: WeightResult | None = None
    channels: ChannelResult | None = None
    agent: AgentResult | None = None
    ensemble: EnsembleResult | None = None
    super_resolution: SuperResolutionResult | None = None
    level: LevelResult | None = None
    firing: Firing | None = None
    certified: Certified | None = None
    full: FullResult | None = None
    importances: Histogram = field(default_factory=list)
    ranks: tuple[str, ...] = ()
    exports: Mapping[str, float] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def done(self) -> bool:
        """Whether the run has a result, and so is never run again."""
        return self.status in ("finished", "collapsed")

    @property
    def sparsity(self) -> Sparsity | None:
        """The sparsity that was asked for: of channels, if channels were removed, or of weights."""
        part = self.channels or self.weights or self.ensemble
        return part.sparsity if part else None

    @property
    def flops_kept(self) -> float | None:
        """FLOPs kept, in percent: by the smaller network, or if cut weights were skipped.

        Of an ensemble they are those of all its members, and may exceed 100.
        """
        if self.costs is None:
            return None
        if self.channels is not None:
            return 100 * self.channels.flops_left / self.costs.flops
        part = self.weights or self.ensemble
        return 100 * part.flops_without_cut / self.costs.flops if part else None

    def accuracy(self, metric: str) -> Accuracy | None:
        """The accuracies under a name of `Accuracies`, such as "last"; None if there are none."""
        found: Accuracy | None = getattr(self.accuracies, metric, None)
        return found

    def summary(self) -> str:
        """One line: which run, its accuracies, the sparsity asked and got."""
        who = self.identity
        text = f"{who.method} on {who.setting}, seed {who.seed}: {self.status}"
        if last := self.accuracy("last"):
            text += f", test accuracy {last.test:.2f} % (last epoch, {last.epoch})"
        if best := self.accuracy("best"):
            text += f", {best.test:.2f} % (best validation epoch, {best.epoch})"
        if self.super_resolution:
            text += f", {self.super_resolution.summary()}"
        if sparsity := self.sparsity:
            text += f"; sparsity asked {sparsity.asked:g}, got {sparsity.got:.6g}"
            known = "-" if sparsity.effective is None else f"{sparsity.effective:.6g}"
            text += f" (effective {known})"
        if self.weights and (spared := self.weights.compaction):
            faster = spared["masked_ms"] / spared["compacted_ms"]
            gone = 100 * spared["channels_removed"]
            text += f"; compacted: {gone:.3g} % of the channels gone, steps {faster:.1f}x as fast"
        if self.full:
            text += f"; the whole network {self.full.accuracies.last.test:.2f} % (last epoch)"
        if self.ensemble:
            text += f"; {self.ensemble.summary()}"
        if self.weights and (moved := self.weights.regrowth):
            explored = moved.explored[-1] if moved.explored else 0.0
            text += f"; {moved.updates} updates explored {explored:.3g} of the weights"
        if self.weights and (quantized := self.weights.quantization):
            text += f"; {quantized.summary()}"
        if self.agent:
            text += f"; {self.agent.summary()}"
        if self.channels and self.channels.floored:
            kept = ", ".join(f"{name} {count}" for name, count in self.channels.floored.items())
            text += f"; channels kept by the floor of their layer: {kept}"
        if self.channels and (stability := self.channels.stability):
            text += f"; {stability.summary()}"
        if self.firing:
            text += f"; {self.firing.summary()}"
        if self.certified:
            text += f"; {self.certified.summary()}"
        return text

    def write(self, path: Path) -> None:
        """Write the record as JSON, sealed, whole or not at all."""
        values = asdict(self)
        sealed = values | {"seal": _seal(values)}
        write_atomically(path, json.dumps(sealed, indent=2, allow_nan=False) + "\n")


def read_record(path: Path) -> Record:
    """The record in a file; one of format 1 is read as if it were of today's.

    Raises:
        ValueError: if the file is cut short, of another format, not a record, holds an impossible
            value, or was edited after it was written (records of before seals have none).
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or "format" not in values:
            raise ValueError("it has no fields of a record, such as format")
        seal = values.pop("seal", None)
        if values["format"] not in (1, FORMAT):
            raise ValueError(f"format {values['format']}; this goldpan reads 1 and {FORMAT}")
        if seal is not None and seal != _seal(values):
            raise ValueError("it was edited after it was written")
        if values["format"] == 1:
            values = from_format_1(values) | {"format": FORMAT}
        record: Record = build(Record, values)
        _check(record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{path} is not a whole record: {why}") from error
    return record


def _check(record: Record) -> None:
    """Raise ValueError for a number that no run can have."""
    accuracies = record.accuracies
    found = [getattr(accuracies, one.name) for one in fields(Accuracies)] if accuracies else []
    found += [record.channels.trained, record.channels.pruned] if record.channels else []
    found += [member.accuracy for member in record.ensemble.members] if record.ensemble else []
    for accuracy in (one for one in found if one is not None):
        for value in (accuracy.test, accuracy.val, accuracy.train):
            if value is not None and not 0 <= value <= 100:
                raise ValueError(f"an accuracy is in [0, 100] percent; got {value}")
    asked = [record.sparsity.asked] if record.sparsity else []
    for value in (*asked, record.identity.choices.get("sparsity", 0)):
        if not isinstance(value, int | float) or not 0 <= value < 1:
            raise ValueError(f"a sparsity is a fraction in [0, 1); got {value}")
    if record.costs and record.costs.flops < 1:
        raise ValueError(f"costs.flops is a whole number from 1 on; got {record.costs.flops}")


def _seal(values: Mapping[str, Any]) -> str:
    """The sha256 of a record's fields, by which an edit shows; no protection against forgery."""
    text = json.dumps(json.loads(json.dumps(values)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
