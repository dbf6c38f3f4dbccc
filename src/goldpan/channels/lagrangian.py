"""A policy over what to keep, learnt by PPO under a budget: rewards, and a multiplier on the cost.

The problem is that of constrained reinforcement learning, max E[A] such that E[C] <= c, and its
Lagrangian max over the policy, min over lambda >= 0, of E[A] - lambda (E[C] - c). Both A and C are
only ever evaluated, so neither needs a slope. PPO: Schulman et al. 2017, arXiv 1707.06347.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Play = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Bools (E, n), what E episodes keep -> rewards A and costs C, each (E,)."""


@dataclass(frozen=True)
class Training:
    """How the policy is learnt.

    Args:
        iterations: updates of the multiplier; each plays `episodes` new episodes.
        passes: steps of Adam on the episodes of an iteration.
        clip: PPO's epsilon; with one pass it has no effect, and the step is REINFORCE's.
        rate: of Adam on the logits; it falls linearly to 0.
        dual_rate: eta of the multiplier's ascent.
        start: probability with which everything is kept at first.
        explore: least probability of keeping and of dropping, so that both go on being tried.

    Raises ValueError if a number is outside of its range.
    """

    iterations: int = 200
    episodes: int = 16
    passes: int = 4
    clip: float = 0.2
    rate: float = 0.1
    dual_rate: float = 0.1
    start: float = 0.9
    explore: float = 0.01

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.episodes < 2 or self.passes < 1:
            raise ValueError(
                "expected at least 1 iteration, 2 episodes in it, and 1 pass, got "
                f"{self.iterations}, {self.episodes} and {self.passes}"
            )
        if min(self.clip, self.rate, self.dual_rate) <= 0:
            raise ValueError(
                "expected clip, rate and dual_rate above 0, got "
                f"{self.clip}, {self.rate} and {self.dual_rate}"
            )
        if not 0 < self.explore <= min(self.start, 1 - self.start):
            raise ValueError(
                "expected 0 < explore <= start <= 1 - explore, got "
                f"explore={self.explore} and start={self.start}"
            )


@dataclass(frozen=True)
class Policy:
    """Independent chances, as logits (n,) of being kept, and the multiplier that they ended with.

    `costs` and `rewards` are the means over the episodes of each iteration.
    """

    logits: Tensor
    multiplier: float
    costs: tuple[float, ...]
    rewards: tuple[float, ...]


def learn(
    play: Play, size: int, budget: float, training: Training, generator: torch.Generator
) -> Policy:
    """The policy that gets the highest reward at a mean cost of the budget at most.

    Each iteration ascends the clipped objective of A - lambda C, and then sets
    lambda <- max(0, lambda + eta (C - c)), C being the mean over its episodes.
    """
    most = float(torch.logit(torch.tensor(1 - training.explore)))
    logits = torch.logit(torch.full((size,), training.start)).requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=training.rate)
    rate = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, training.iterations)
    multiplier, costs, rewards = 0.0, list[float](), list[float]()
    for _ in range(training.iterations):
        chances = logits.detach().sigmoid().expand(training.episodes, -1)
        kept = torch.bernoulli(chances, generator=generator).bool()
        reward, cost = play(kept)
        before = log_chances(logits.detach(), kept)
        better = advantages(reward - multiplier * cost)
        for _ in range(training.passes):
            optimizer.zero_grad()
            (-clipped(log_chances(logits, kept) - before, better, training.clip)).backward()
            optimizer.step()
            with torch.no_grad():
                logits.clamp_(-most, most)
        rate.step()
        multiplier = ascend(multiplier, float(cost.mean()), budget, training.dual_rate)
        costs.append(float(cost.mean()))
        rewards.append(float(reward.mean()))
    return Policy(logits.detach(), multiplier, tuple(costs), tuple(rewards))


def log_chances(logits: Tensor, kept: Tensor) -> Tensor:
    """The log-probability (E, n) of each decision in bools (E, n), by logits (n,)."""
    return F.logsigmoid(torch.where(kept, logits, -logits))


def advantages(returns: Tensor) -> Tensor:
    """Each return (E,) less the mean of the others, which leaves the gradient without bias."""
    others = (returns.sum() - returns) / (len(returns) - 1)
    return returns - others


def clipped(changes: Tensor, better: Tensor, clip: float) -> Tensor:
    """PPO's objective: the mean over episodes of the sum over decisions of min(r A, clip(r) A).

    Each decision is a step of its episode, and has the episode's advantage A, from `better` (E,).
    `changes` are log r (E, n), r being its chance now over that with which it was drawn.
    """
    ratio, gain = changes.exp(), better[:, None]
    bounded = ratio.clamp(1 - clip, 1 + clip)
    return torch.minimum(ratio * gain, bounded * gain).sum(1).mean()


def ascend(multiplier: float, cost: float, budget: float, rate: float) -> float:
    """max(0, lambda + eta (C - c))."""
    return max(0.0, multiplier + rate * (cost - budget))
