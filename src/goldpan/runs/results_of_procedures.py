"""What procedures of their own came to, and what was measured because it was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import gt

from goldpan.runs.results import Accuracies, Accuracy, Sparsity


@dataclass(frozen=True)
class AgentResult:
    """An episode's return by policy and by sparsity: what training an agent came to.

    If `episodes` were played, each return is their mean, and `intervals` has its 95 % interval.
    """

    returns: Mapping[str, Mapping[str, float]]
    seconds: float
    episodes: int = 1
    intervals: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)

    def summary(self) -> str:
        """Each policy with its return at each sparsity, and the interval if there is one."""
        return "; ".join(f"return of {policy}: {self._returns(policy)}" for policy in self.returns)

    def _returns(self, policy: str) -> str:
        known = self.intervals.get(policy, {})
        ends = {at: f" [{low:.2f}, {high:.2f}]" for at, (low, high) in known.items()}
        returns = self.returns[policy].items()
        return ", ".join(f"{value:.1f}{ends.get(at, '')} at {at}" for at, value in returns)


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

    def summary(self) -> str:
        """The members' accuracies, and what they come to together."""
        alone = ", ".join(f"{member.accuracy.test:.2f}" for member in self.members)
        return (
            f"{len(self.members)} members of {alone} % test accuracy; NLL {self.test.nll:.4f}, "
            f"calibration error {self.test.calibration_error:.4f}, "
            f"disagreement {self.test.disagreement:.4f}"
        )


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
