"""What training and pruning came to, as a record has it: accuracies, costs, weights, channels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Histogram = list[list[int]]
"""For each epoch, the number of channels in equal bins of importance over [0, 1]."""


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
