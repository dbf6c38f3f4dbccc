"""Policies weigh the indices: the paper's staircase, and simpler ones to compare with.

Neural Network Panning, arXiv 2209.13378. The weights of the five stages are the authors' (FOUND in
their code, additive form; `product` has its own exponents there).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from goldpan.schedules.sparsity import exponential
from goldpan.stream import stream


@dataclass(frozen=True)
class PolicyInput:
    """What a policy may know before round `round` (from 1) of `rounds`.

    `sparsity` is the target of the last round. `observation` (7,) float32 is PanningEnv's; only a
    policy that observes gets it, since it makes a round half as long again.
    """

    indices: tuple[str, ...]
    round: int
    rounds: int
    sparsity: float
    observation: NDArray[np.float32] | None = None


class Policy(Protocol):
    """What is known before a round -> the weights of the indices, >= 0; only ratios count."""

    observes: ClassVar[bool] = False

    def check(self, indices: Sequence[str]) -> None:
        """Raise ValueError, in a sentence, if these indices cannot be weighed; here all can."""
        return

    def __call__(self, given: PolicyInput) -> Sequence[float]:
        """The weights of the round, one for each index."""


@dataclass(frozen=True)
class Staircase(Policy):
    """Fixed weights in each stage; a stage ends when a round's target sparsity exceeds its stair.

    `stairs` are rising sparsities, of which a round passes at most one; there is one stage more.
    goldpan.runs.combinations sees to it that stairs, weights and indices fit.
    """

    stairs: Sequence[float]
    weights: Sequence[Sequence[float]]

    def __call__(self, given: PolicyInput) -> Sequence[float]:
        """The weights of the stage that the round is in."""
        stage = 0
        for done in range(1, given.round + 1):
            reached = exponential(done / given.rounds, target=given.sparsity)
            stage += stage < len(self.stairs) and reached > self.stairs[stage]
        return self.weights[stage]


@dataclass(frozen=True)
class Uniform(Policy):
    """The same weight for every index."""

    def __call__(self, given: PolicyInput) -> Sequence[float]:
        """Ones."""
        return [1.0] * len(given.indices)


@dataclass(frozen=True)
class Single(Policy):
    """All the weight on one index: an ablation."""

    index: str

    def __call__(self, given: PolicyInput) -> Sequence[float]:
        """1 for this index, 0 for the others."""
        return [float(name == self.index) for name in given.indices]


@dataclass(frozen=True)
class Random(Policy):
    """Independent uniform weights in [0, 1) every round, the same for the same seed."""

    seed: int = 0

    def __call__(self, given: PolicyInput) -> Sequence[float]:
        """New random weights in each round."""
        drawn = stream(self.seed, "policy", given.round)
        return [float(value) for value in torch.rand(len(given.indices), generator=drawn)]
