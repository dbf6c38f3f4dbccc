"""The policy's learner on two filters, whose accuracies and costs are known in all four states."""

from typing import Any

import pytest
import torch
from torch import Tensor

from goldpan.channels.lagrangian import (
    Policy,
    Training,
    advantages,
    ascend,
    clipped,
    learn,
    log_chances,
)
from goldpan.stream import stream

ACCURACIES = torch.tensor([[0.1, 0.6], [0.5, 0.7]])
"""By what is kept: neither, the second, the first, both."""
STATES = torch.tensor([[False, False], [False, True], [True, False], [True, True]])


def bandit(kept: Tensor) -> tuple[Tensor, Tensor]:
    return ACCURACIES[kept[:, 0].long(), kept[:, 1].long()], kept.float().mean(1)


def solve(budget: float, seed: int = 0, **options: Any) -> Policy:
    return learn(bandit, 2, budget, Training(**options), stream(seed, "bandit"))


@pytest.mark.parametrize("seed", range(3))
def test_a_budget_of_one_filter_keeps_the_better_at_a_price_between_those_of_its_neighbours(
    seed: int,
) -> None:
    """01 is best where 0.6 - lambda / 2 is above 0.7 - lambda and 0.1: lambda in (0.2, 1)."""
    policy = solve(0.5, seed)
    assert policy.logits[0] < -2
    assert policy.logits[1] > 2
    assert 0.2 <= policy.multiplier <= 1
    assert sum(policy.costs[-20:]) / 20 == pytest.approx(0.5, abs=0.05)


def test_a_slack_budget_has_no_price_and_all_stays() -> None:
    policy = solve(1.0)
    assert policy.multiplier == 0
    assert (policy.logits > 2).all()
    assert policy.rewards[-1] == pytest.approx(0.7, abs=0.05)


def test_a_budget_of_next_to_nothing_drops_both() -> None:
    """00 is best above lambda = 1, where 0.1 is more than 0.6 - lambda / 2."""
    policy = solve(0.02, iterations=300)
    assert (policy.logits < -2).all()
    assert policy.multiplier > 0.9


def test_the_multiplier_follows_the_excess_and_is_never_negative() -> None:
    assert ascend(0.3, 0.75, 0.5, 0.2) == pytest.approx(0.35)
    assert ascend(0.3, 0.25, 0.5, 0.2) == pytest.approx(0.25)
    assert ascend(0.03, 0.25, 0.5, 0.2) == 0


def test_the_gradient_of_two_episodes_is_that_of_the_lagrangian_on_average() -> None:
    """Over all 16 pairs of episodes, by their chances, it is the slope of E[A - lambda C]."""
    logits = torch.tensor([0.4, -1.1], requires_grad=True)
    chances = log_chances(logits, STATES).sum(1).exp()
    assert float(chances.detach().sum()) == pytest.approx(1)
    reward, cost = bandit(STATES)
    returns = reward - 0.3 * cost
    (exact,) = torch.autograd.grad((chances * returns).sum(), logits)
    mean = torch.zeros(2)
    for first in range(4):
        for second in range(4):
            kept = STATES[[first, second]]
            changes = log_chances(logits, kept) - log_chances(logits, kept).detach()
            objective = clipped(changes, advantages(returns[[first, second]]), 0.2)
            (slope,) = torch.autograd.grad(objective, logits)
            mean += (chances[first] * chances[second]).detach() * slope
    assert mean.tolist() == pytest.approx(exact.tolist(), abs=1e-6)
    assert exact.abs().min() > 0.01


def test_an_episode_is_compared_with_the_others() -> None:
    assert advantages(torch.tensor([1.0, 2, 6])).tolist() == pytest.approx([-3, -1.5, 4.5])


def test_beyond_the_clip_a_decision_has_no_slope_unless_it_became_worse() -> None:
    """r = 2 with A = 1 is cut at 1.2; with A = -1 it counts in full, and r = 1/2 the other way."""
    changes = torch.tensor([[2.0], [0.5]]).log().requires_grad_()
    for gain, value, slope in ((1.0, (1.2 + 0.5) / 2, [0, 0.25]), (-1.0, -1.4, [-1, 0])):
        objective = clipped(changes, torch.tensor([gain, gain]), 0.2)
        (found,) = torch.autograd.grad(objective, changes)
        assert float(objective.detach()) == pytest.approx(value)
        assert found.flatten().tolist() == pytest.approx(slope)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"episodes": 1}, "at least 1 iteration, 2 episodes in it, and 1 pass, got 200, 1 and 4"),
        ({"clip": 0.0}, "above 0, got 0.0, 0.1 and 0.1"),
        ({"start": 0.995}, "explore=0.01 and start=0.995"),
        ({"explore": 0.0}, "expected 0 < explore"),
    ],
)
def test_no_such_training_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        solve(0.5, **options)
