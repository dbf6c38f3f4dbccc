"""The record of one run: what was chosen, on what machine, and what came out; as JSON."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from operator import gt
from pathlib import Path
from typing import Any, Literal

from goldpan.files import write_atomically
from goldpan.runs.format_1 import from_format_1
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

Histogram = list[list[int]]
"""For each epoch, the number of channels in equal bins of importance over [0, 1]."""

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
class Accuracy:
    """Top-1 accuracies in percent of one evaluation.

    It was in an epoch (from 1; 0 is before training), at whose end unless `recipe.evaluate_every`
    says otherwise, after `step` optimizer steps; older records do not say the step.
    """

    epoch: int
    test: float
    val: float | None = None
    train: float | None = None
    step: int | None = None


@dataclass(frozen=True)
class Accuracies:
    """The accuracies of the evaluations that count, of which there is one an epoch by default.

    `last` is the last one. `best` is the one with the best validation accuracy among those at the
    final sparsity; None without a validation split. `best_on_test` is the one with the best test
    accuracy: many papers report it, and it selects on the test set, so it is for comparison only.
    `best_on_test_of_last_5` is that among the last five, the only ones of which SNIP's code has
    checkpoints to test; records of before it was measured have None.
    """

    last: Accuracy
    best: Accuracy | None = None
    best_on_test: Accuracy | None = None
    best_on_test_of_last_5: Accuracy | None = None


@dataclass(frozen=True)
class Costs:
    """What the run took, and the size of its whole, dense network.

    `seconds` by part of the run; `images_per_second` of training; `flops` of one image, counted as
    `convention` says.
    """

    seconds: Mapping[str, float]
    parameters: int
    flops: int
    convention: str
    images_per_second: float | None = None


@dataclass(frozen=True)
class Sparsity:
    """Fractions in [0, 1]: `asked` for and `got`, of weights or of channels, in all and by layer.

    `parameters` is the fraction of all parameters that is gone. `effective` is that of prunable
    weights, where what no path of kept weights connects to input and output counts as gone too;
    None if the paths through the network are not known.
    """

    asked: float
    got: float
    parameters: float
    effective: float | None
    layers: Mapping[str, float]


@dataclass(frozen=True)
class RegrowthResult:
    """How the masks of a dynamic sparse training moved; lists have a value for each epoch.

    `densities` by weight name. `explored` is the fraction of prunable weights that were alive at
    any time so far (ITOP's R_s). Of the kept weights, `steady` is the fraction that was kept from
    the first on, and `returned` the fraction that had been cut and grew again.
    """

    updates: int
    densities: Mapping[str, list[float]]
    explored: list[float]
    steady: list[float]
    returned: list[float]


@dataclass(frozen=True)
class QuantizationResult:
    """A network whose weights or activations were quantised; bits are 32 where they were not.

    A layer, by its weight's name, counts in units of 2^-exponent. `activation_sparsity` is the
    fraction of the activations of pruned layers that are cut. `size_in_bits` is that of all
    parameters that are left, without the places of kept weights. `seconds` went into choices.
    """

    order: str
    weight_bits: int
    activation_bits: int
    weight_exponents: Mapping[str, int]
    activation_exponents: Mapping[str, int]
    activation_sparsity: float
    size_in_bits: int
    seconds: float = 0.0

    def summary(self) -> str:
        """The bits and the size, in words."""
        words = f"weights of {self.weight_bits} bits, activations of {self.activation_bits}"
        if self.activation_sparsity:
            words += f", {100 * self.activation_sparsity:.3g} % of them cut"
        return f"{words}: {self.size_in_bits / 8192:.4g} KiB of parameters"


@dataclass(frozen=True)
class WeightResult:
    """What became of a network whose weights are masked; of a dense one too, at sparsity 0.

    `prunable` weights could be cut, and `parameters_kept` of all parameters were not.
    `flops_without_cut` is what one image would take if cut weights were skipped: what could be
    saved, for a masked network computes as much as a dense one. `masks` is the masks' sha256.
    `compaction`, of a run with compact=true, says what its training was spared: the fractions of
    channels removed and of parameters and FLOPs kept, and milliseconds of a training step's passes,
    masked and compacted. `regrowth` is there if weights grew in training. `left_dense` names the
    weights that no mask reaches, and why: "lstm.weight_ih_l0" -> "LSTM". `quantization` is there
    if the run asked for it.
    """

    sparsity: Sparsity
    prunable: int
    parameters_kept: int
    flops_without_cut: int
    masks: str
    compaction: Mapping[str, float] = field(default_factory=dict)
    regrowth: RegrowthResult | None = None
    left_dense: Mapping[str, str] = field(default_factory=dict)
    quantization: QuantizationResult | None = None


@dataclass(frozen=True)
class Stability:
    """How the choice of channels settled in a training, where the method waited for that.

    `values` has the stability after each epoch, None where there was too little to compare.
    `settled` is the epoch (from 1) after which channels went; None if the choice never settled:
    then they went after the last epoch, and nothing was trained since.
    """

    values: list[float | None]
    settled: int | None

    def summary(self) -> str:
        """When the choice settled, in words."""
        if self.settled is not None:
            return f"the choice of channels settled after epoch {self.settled}"
        return (
            "the choice of channels never settled: they went after the last epoch, untrained since"
        )


@dataclass(frozen=True)
class ChannelResult:
    """What became of a network whose channels were removed.

    The smaller network has `parameters_left` and takes `flops_left` for one image. `milliseconds`
    of one forward pass on the CPU were measured in turn: batch size -> "dense" and "shrunk".
    `floored` names the layers that kept more channels than asked, lest they fall under their floor,
    and how many. `trained` is the accuracy before channels went, `pruned` just after; those of the
    record are after fine-tuning. `stability` is that of methods that wait for it.
    """

    sparsity: Sparsity
    parameters_left: int
    flops_left: int
    trained: Accuracy
    pruned: Accuracy
    milliseconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    floored: Mapping[str, int] = field(default_factory=dict)
    stability: Stability | None = None


@dataclass(frozen=True)
class LevelResult:
    """Where a run stands in iterative pruning.

    `number` counts levels from 1; `parent` is the id of the run one level below, which at level 1
    is the dense training. Steps are those of the dense training: retraining took the `schedule` up
    at that step (None: it stayed at the last rate), and the weights of step `rewound` (None: the
    trained ones were kept). `early_stop` is the step with the lowest validation loss, None without
    a validation split.
    """

    number: int
    parent: str
    rewound: int | None
    schedule: int | None
    early_stop: int | None


@dataclass(frozen=True)
class AgentResult:
    """An episode's return by policy and by sparsity: what training an agent came to.

    If `episodes` were played, each return is their mean, and `intervals` has its 95 % interval.
    """

    returns: Mapping[str, Mapping[str, float]]
    seconds: float
    episodes: int = 1
    intervals: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Psnr:
    """Peak signal-to-noise ratios in dB of one evaluation, means over the images of a split.

    Epoch and step are as in `Accuracy`.
    """

    epoch: int
    test: float
    val: float | None = None
    train: float | None = None
    step: int | None = None


@dataclass(frozen=True)
class SuperResolutionResult:
    """What a network that enlarges images by `scale` comes to, on their luminance.

    `last` is the last evaluation, `best` the one with the best validation PSNR among those at the
    final sparsity. `bicubic` is the PSNR of bicubic interpolation, by split.
    """

    scale: int
    last: Psnr
    best: Psnr | None
    bicubic: Mapping[str, float]

    def summary(self) -> str:
        """The PSNR of the test split, in words."""
        last, best = self.last, self.best
        text = f"test PSNR {last.test:.3f} dB (last epoch, {last.epoch})"
        if best:
            text += f", {best.test:.3f} dB (best validation epoch, {best.epoch})"
        return f"{text}, bicubic {self.bicubic['test']:.3f} dB"


@dataclass(frozen=True)
class Member:
    """A network of an ensemble: the id of its run, its weights' file in that run's folder, and its
    accuracies as that run measured them."""

    id: str
    weights: str
    accuracy: Accuracy


@dataclass(frozen=True)
class EnsembleFigures:
    """What the averaged probabilities come to on one split, and how the members differ on it.

    `accuracy` in percent; `nll` in nats, of the averaged probabilities; `calibration_error` and
    `disagreement` are fractions, `divergence` is in nats: see `goldpan.predictions`.
    """

    accuracy: float
    nll: float
    calibration_error: float
    disagreement: float
    divergence: float


@dataclass(frozen=True)
class EnsembleResult:
    """What the members of an ensemble came to together.

    `val` is None if there is no validation image that all members were trained without. Sparsities
    are means over the members; `flops_without_cut` is their sum, as each sees every image.
    """

    members: tuple[Member, ...]
    test: EnsembleFigures
    val: EnsembleFigures | None
    bins: int
    sparsity: Sparsity
    flops_without_cut: int


@dataclass(frozen=True)
class Firing:
    """How often hidden neurons fire on `images` test images and on the same ones scrambled.

    Layer that reads the neurons -> each neuron's fraction of images, see `goldpan.firing`.
    """

    images: int
    real: Mapping[str, list[float]]
    scrambled: Mapping[str, list[float]]

    def and_like(self) -> dict[str, float]:
        """The fraction of each layer's neurons that fire more often on real images."""
        return {
            name: sum(map(gt, rates, self.scrambled[name])) / len(rates)
            for name, rates in self.real.items()
        }

    def summary(self) -> str:
        """How many neurons are AND-like, in words."""
        shares = ", ".join(f"{100 * part:.3g} % {name}" for name, part in self.and_like().items())
        return f"AND-like neurons read by each layer: {shares or 'there are no hidden ones'}"


@dataclass(frozen=True)
class Certified:
    """What interval bounds prove of the test images, see `goldpan.bounds`.

    `accuracy`: images (%) that are classified right whatever moves each pixel by at most `epsilon`
    within [0, 1]. The bounds are loose, so this is a lower bound: more may be so. `unstable`: the
    fraction of inputs of ReLUs whose sign the bounds leave open, over all images.
    """

    epsilon: float
    accuracy: float
    unstable: float

    def summary(self) -> str:
        """What is proven, in words."""
        return (
            f"certified accuracy at least {self.accuracy:.2f} % within {self.epsilon:g}, "
            f"{100 * self.unstable:.3g} % of ReLUs unstable"
        )


@dataclass(frozen=True)
class FullResult:
    """The whole network of a run that trained a part of it too, which the record is about.

    `weights` is the file of its weights, in the run's folder.
    """

    accuracies: Accuracies
    weights: str


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
            text += f"; {_together(self.ensemble)}"
        if self.weights and (moved := self.weights.regrowth):
            explored = moved.explored[-1] if moved.explored else 0.0
            text += f"; {moved.updates} updates explored {explored:.3g} of the weights"
        if self.weights and (quantized := self.weights.quantization):
            text += f"; {quantized.summary()}"
        if self.agent:
            text += "".join(f"; return of {line}" for line in _returns(self.agent))
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


def _returns(agent: AgentResult) -> Iterator[str]:
    """Each policy with its return at each sparsity, and the interval if there is one."""
    for policy, returns in agent.returns.items():
        known = agent.intervals.get(policy, {})
        ends = {at: f" [{low:.2f}, {high:.2f}]" for at, (low, high) in known.items()}
        listed = ", ".join(
            f"{value:.1f}{ends.get(at, '')} at {at}" for at, value in returns.items()
        )
        yield f"{policy}: {listed}"


def _together(ensemble: EnsembleResult) -> str:
    """What an ensemble's summary adds."""
    alone = ", ".join(f"{member.accuracy.test:.2f}" for member in ensemble.members)
    test = ensemble.test
    return (
        f"{len(ensemble.members)} members of {alone} % test accuracy; NLL {test.nll:.4f}, "
        f"calibration error {test.calibration_error:.4f}, disagreement {test.disagreement:.4f}"
    )


def _seal(values: Mapping[str, Any]) -> str:
    """The sha256 of a record's fields, by which an edit shows; no protection against forgery."""
    text = json.dumps(json.loads(json.dumps(values)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
