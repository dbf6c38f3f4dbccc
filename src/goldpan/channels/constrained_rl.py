"""Constrained RL: an agent learns which channels stay, within a budget on what they cost.

S. Malik et al., Neural Network Pruning Through Constrained Reinforcement Learning, ICPR 2022, arXiv
2110.08558: what is kept maximises the accuracy under a budget on any function of the network, which
is evaluated and never derived; a Lagrange multiplier turns the budget into a price.

*Interpretation:* there is no code, and only abstract and introduction were at hand; PPO is taken
from other work of its first author. Here one episode decides on the channels one by one, each by a
chance of its own, without a state: network and images are the same in all episodes. The reward
comes at the end: the accuracy on the training images of `sampling` without the channels that go,
BatchNorm normalising by the batch, as weights are not tuned in between. The cost is what is left of
the parameters or FLOPs of the smaller network, or of its channels, as a fraction. A layer that
would lose all channels costs as one that keeps its first.

Channels are then ranked by their logits, and as many go as the sparsity asks. Had the agent settled
exactly, these were the channels that it keeps by a chance below 1/2.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from goldpan.channels.choosing import Target, amount, fraction_of_round
from goldpan.channels.gates import gated, layer_gates
from goldpan.channels.groups import ChannelGroup, by_group, removed
from goldpan.channels.lagrangian import Play, Training, learn
from goldpan.channels.surgery import shrink_unproved
from goldpan.gradients import mean_loss
from goldpan.stream import stream
from goldpan.types import Batch, Loss

REWARDS = ("accuracy", "loss")


def constrained_rl(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    batches: Sequence[Batch],
    loss: Loss,
    *,
    sparsity: float,
    cost: Target = "parameters",
    rounds: int = 1,
    reward: str = "accuracy",
    seed: int = 0,
    iterations: int = 200,
    episodes: int = 16,
    passes: int = 4,
    clip: float = 0.2,
    rate: float = 0.1,
    dual_rate: float = 0.1,
    start: float = 0.9,
    explore: float = 0.01,
) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by the logits of the chance to keep them.

    Args:
        sparsity: the fraction of the cost that goes in `rounds` rounds, the same in each.
        cost: what the budget is of: parameters, flops or channels.
        reward: accuracy, in [0, 1]; or loss, minus the recipe's.
        seed: of the episodes.

    The others are those of `goldpan.channels.lagrangian.Training`.

    Raises:
        ValueError: if there is no such reward, or a number is outside of its range.
    """
    training = Training(iterations, episodes, passes, clip, rate, dual_rate, start, explore)
    budget = 1 - fraction_of_round(sparsity, rounds)
    play = environment(model, groups, batches, loss, cost=cost, reward=reward)
    size = sum(group.size for group in groups)
    policy = learn(play, size, budget, training, stream(seed, "constrained_rl"))
    return by_group(groups, policy.logits)


def environment(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    batches: Sequence[Batch],
    loss: Loss,
    *,
    cost: Target,
    reward: str = "accuracy",
) -> Play:
    """What episodes get: each call plays on the next of the batches, all its episodes on the same.

    Raises:
        ValueError: if there is no such reward.
    """
    if reward not in REWARDS:
        raise ValueError(f"reward must be one of {', '.join(REWARDS)}; got {reward!r}")
    device = next(model.parameters()).device
    moved = [(images.to(device), labels.to(device)) for images, labels in batches]
    shape = moved[0][0].shape[1:]
    dense = None if cost == "channels" else amount(model, shape, cost)
    calls = 0

    def play(kept: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal calls
        batch, calls = moved[calls % len(moved)], calls + 1
        choices = [by_group(groups, episode) for episode in kept]
        spent = [
            1 - removed(choice)
            if dense is None
            else _left(model, groups, choice, shape, cost) / dense
            for choice in choices
        ]
        gains = [gain(model, groups, choice, batch, loss, reward) for choice in choices]
        return torch.tensor(gains), torch.tensor(spent)

    return play


@torch.no_grad()
def gain(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    kept: Mapping[str, Tensor],
    batch: Batch,
    loss: Loss,
    reward: str,
) -> float:
    """The reward of a network whose channels that are not kept return zero."""
    measure = accuracy if reward == "accuracy" else loss
    with gated(model, layer_gates(groups, kept, next(model.parameters()).device)):
        value = float(mean_loss(model, {}, batch, measure))
    return value if reward == "accuracy" else -value


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """The fraction of images whose largest logit is their label's."""
    return (logits.argmax(1) == labels).float().mean()


def _left(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    kept: Mapping[str, Tensor],
    shape: Sequence[int],
    cost: Target,
) -> int:
    """The parameters or FLOPs of the network without the channels that are not kept."""
    least = {name: keep if keep.any() else _first(keep) for name, keep in kept.items()}
    return amount(shrink_unproved(model, groups, least), shape, cost)


def _first(keep: Tensor) -> Tensor:
    return torch.arange(len(keep)) == 0
