import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.channels.choosing import amount, prunable_groups
from goldpan.channels.constrained_rl import constrained_rl, environment, gain
from goldpan.channels.groups import ChannelGroup, by_group
from goldpan.channels.surgery import shrink
from goldpan.gradients import mean_loss
from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.types import Batch

SHAPE = (3, 8, 8)


@pytest.fixture
def groups(net: nn.Module) -> list[ChannelGroup]:
    return prunable_groups(net, SHAPE)


def some(groups: list[ChannelGroup], seed: int = 0) -> Tensor:
    """Two episodes, (2, n), that keep about half of the channels."""
    drawn = torch.Generator().manual_seed(seed)
    return torch.rand(2, sum(group.size for group in groups), generator=drawn) < 0.5


@pytest.mark.parametrize("cost", ["parameters", "flops"])
def test_what_an_episode_costs_is_what_surgery_leaves(
    cost: str, net: nn.Module, groups: list[ChannelGroup], batch: Batch
) -> None:
    play = environment(net, groups, [batch], F.cross_entropy, cost=cost)  # type: ignore[arg-type]
    kept = some(groups)
    _, spent = play(kept)
    for episode, got in zip(kept, spent, strict=True):
        small = shrink(net, by_group(groups, episode), SHAPE)
        left, whole = (amount(model, SHAPE, cost) for model in (small, net))  # type: ignore[arg-type]
        assert 0 < left < whole
        assert float(got) == pytest.approx(left / whole)


def test_channels_cost_as_many_as_there_are_and_nothing_kept_costs_a_channel_a_layer(
    net: nn.Module, groups: list[ChannelGroup], batch: Batch
) -> None:
    kept = some(groups)
    _, spent = environment(net, groups, [batch], F.cross_entropy, cost="channels")(kept)
    assert spent.tolist() == pytest.approx(kept.float().mean(1).tolist())
    play = environment(net, groups, [batch], F.cross_entropy, cost="parameters")
    first = torch.cat([torch.arange(group.size) == 0 for group in groups])
    none = torch.zeros_like(first)
    _, spent = play(torch.stack([first, none]))
    assert spent[0] == spent[1] < 0.5


def test_the_reward_is_that_of_the_small_network_with_the_statistics_of_the_batch(
    net: nn.Module, groups: list[ChannelGroup], batch: Batch
) -> None:
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    kept = by_group(groups, some(groups)[0])
    small = shrink(net, kept, SHAPE)
    assert gain(net, groups, kept, batch, F.cross_entropy, "loss") == pytest.approx(
        -float(mean_loss(small, {}, batch, F.cross_entropy).detach()), abs=1e-5
    )
    right = mean_loss(small, {}, batch, lambda x, y: (x.argmax(1) == y).float().mean())
    assert gain(net, groups, kept, batch, F.cross_entropy, "accuracy") == pytest.approx(
        float(right.detach())
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


def test_all_episodes_of_a_call_see_the_same_batch_and_the_next_call_another(
    net: nn.Module, groups: list[ChannelGroup], batch: Batch
) -> None:
    halves = [(batch[0][:10], batch[1][:10]), (batch[0][10:], batch[1][10:])]
    play = environment(net, groups, halves, F.cross_entropy, cost="channels", reward="loss")
    kept = some(groups)[:1].expand(2, -1)
    first, second, third = (play(kept)[0] for _ in range(3))
    assert first[0] == first[1] == third[0] != second[0]


@pytest.fixture
def sorted_net() -> nn.Module:
    """Labels are which of two pixels is lit; channels 0 and 1 copy them, 2 to 5 copy nothing."""
    net = nn.Sequential(
        MaskedConv2d(2, 6, 1, bias=False), nn.BatchNorm2d(6), nn.Flatten(), MaskedLinear(6, 2)
    )
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(6, 2).view(6, 2, 1, 1))  # type: ignore[operator]
        net[3].weight.copy_(torch.eye(2, 6))  # type: ignore[operator]
        net[3].bias.copy_(torch.tensor([0.0, 0.1]))  # type: ignore[operator]
    return net


def test_the_channels_that_answers_need_outrank_the_others(sorted_net: nn.Module) -> None:
    """A third of the parameters is about two channels; without either the loss is higher."""
    images = torch.eye(2).repeat(8, 1).view(16, 2, 1, 1)
    batches = [(images, torch.arange(2).repeat(8))]
    groups = prunable_groups(sorted_net, (2, 1, 1))
    found = constrained_rl(
        sorted_net,
        groups,
        batches,
        F.cross_entropy,
        sparsity=2 / 3,
        reward="loss",
        iterations=25,
        episodes=8,
        rate=0.3,
        start=0.5,
    )
    (scores,) = found.values()
    assert scores[:2].min() > scores[2:].max()
    assert not scores.requires_grad


def test_two_rounds_have_the_budget_of_the_square_root(
    net: nn.Module, groups: list[ChannelGroup], batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def note(play: object, size: int, budget: float, *rest: object) -> object:
        asked.append(budget)
        return type("Policy", (), {"logits": torch.zeros(size)})

    monkeypatch.setattr("goldpan.channels.constrained_rl.learn", note)
    constrained_rl(net, groups, [batch], F.cross_entropy, sparsity=0.75, rounds=2)
    assert asked == [pytest.approx(0.5)]


def test_no_such_reward_is_refused(
    net: nn.Module, groups: list[ChannelGroup], batch: Batch
) -> None:
    with pytest.raises(ValueError, match="reward must be one of accuracy, loss; got 'speed'"):
        environment(net, groups, [batch], F.cross_entropy, cost="channels", reward="speed")
