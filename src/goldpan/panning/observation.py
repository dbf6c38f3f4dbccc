"""The agent's observation of a pruning, and its reward.

Neural Network Panning, arXiv 2209.13378, read from the authors' code.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from goldpan.panning.screening import RoundEffect, Screening

NAMES = ("loss", "norm", "loss change", "norm change", "effective", "sparsity", "progress")
"""The seven observations, each in [0, 1]; PanningEnv defines them."""


@dataclass
class Range:
    """The lowest and the highest value seen so far."""

    low: float = np.inf
    high: float = -np.inf

    def see(self, *values: float) -> None:
        """Widen the range until it holds these values."""
        self.low, self.high = min(self.low, *values), max(self.high, *values)

    def place(self, value: float) -> float:
        """Where in the range the value lies, in [0, 1]; 0 in a range of one point."""
        return self.share(value - self.low)

    def share(self, difference: float) -> float:
        """|difference| as a share of the range; 0 in a range of one point."""
        width = self.high - self.low
        return abs(difference) / width if width > 0 else 0.0


@dataclass(frozen=True)
class Reward:
    """The terms of one round's reward, each >= 0 and subtracted: their sum is `value`."""

    gap: float
    loss: float
    norm: float
    collapse: float = 0.0

    @property
    def value(self) -> float:
        """-(100 |sparsity - effective| + loss change + norm change + rounds lost to a collapse)."""
        return -(self.gap + self.loss + self.norm + self.collapse)


@dataclass
class Observer:
    """Scales losses and gradient norms by the range of all that it has seen of them."""

    loss: Range = field(default_factory=Range)
    norm: Range = field(default_factory=Range)

    def calibrate(self, screening: Screening, first: int, batches: int = 10) -> None:
        """Start from the range of the dense network over as many batches, `draw(first)` and on."""
        for number in range(first, first + batches):
            loss, norm = screening.dense_slope(screening.draw(number)[0])
            self.loss.see(loss)
            self.norm.see(norm)

    def before(self, loss: float, norm: float) -> NDArray[np.float32]:
        """The observation before the first round."""
        self.loss.see(loss)
        self.norm.see(norm)
        return np.array([self.loss.place(loss), self.norm.place(norm), *[0] * 5], np.float32)

    def after(
        self, effect: RoundEffect, done: int, rounds: int
    ) -> tuple[NDArray[np.float32], Reward]:
        """The observation after `done` rounds, and the reward of the last of them."""
        self.loss.see(effect.loss, effect.masked_loss)
        self.norm.see(effect.norm, effect.masked_norm)
        loss = self.loss.share(effect.masked_loss - effect.loss)
        norm = self.norm.share(effect.masked_norm - effect.norm) / 5
        observation = [self.loss.place(effect.loss), self.norm.place(effect.norm), loss, norm]
        observation += [effect.effective, effect.sparsity, (done - 1) / rounds]
        lost = rounds - (done - 1) if effect.effective == 1 else 0
        gap = 100 * abs(effect.sparsity - effect.effective)
        return np.array(observation, dtype=np.float32), Reward(gap, loss, norm, lost)
