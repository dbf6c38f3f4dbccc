"""Greedy forward selection, on networks whose units are the numbers or vectors of an example."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.channels.allocation import layerwise_channels
from goldpan.channels.choosing import choose_channels, prunable_groups
from goldpan.channels.greedy_forward import (
    Picks,
    factors,
    greedy_forward,
    losses_of,
    pick,
)
from goldpan.channels.groups import ChannelGroup
from goldpan.channels.scaling import scale_readers
from goldpan.channels.surgery import shrink
from goldpan.layers.swap import swap_layers
from goldpan.losses.sigmoid_mse_twice import sigmoid_mse_twice
from goldpan.types import Batch


def half_square(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().sum() / 2


def two_layers(outputs: Tensor) -> nn.Module:
    """A network whose i-th unit alone, times their number N, gives outputs[i] of (N, K).

    Its input is the number 1.
    """
    units, classes = outputs.shape
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(1, units, bias=False), nn.ReLU(), nn.Linear(units, classes, False)
    )
    nn.init.ones_(net[1].weight)
    net[3].weight.data = outputs.T / units
    return swap_layers(net).eval()


ONE = torch.ones(1, 1, 1, 1)


def order_of(outputs: Tensor, target: Tensor, **options: bool | int) -> Picks:
    net = two_layers(outputs)
    groups = prunable_groups(net, (1, 1, 1))
    return greedy_forward(net, groups, [(ONE, target[None])], half_square, **options)  # type: ignore[arg-type]


def test_the_mean_of_two_of_four_orthonormal_outputs_is_found() -> None:
    """Units 1 and 3 come first, and their mean has the loss 0."""
    outputs = torch.eye(4)
    target = (outputs[1] + outputs[3]) / 2
    picks = order_of(outputs, target)
    assert picks["1"].argsort(descending=True)[:2].tolist() == [1, 3]
    kept = torch.tensor([False, True, False, True])
    assert picks.scales({"1": kept})["1"].tolist() == [0, 2, 0, 2]
    net = two_layers(outputs)
    groups = prunable_groups(net, (1, 1, 1))
    small = shrink(scale_readers(net, groups, picks.scales({"1": kept})), {"1": kept}, (1, 1, 1))
    assert half_square(small(ONE), target) == 0


def test_the_loss_of_e_and_minus_e_is_a_half_then_0_then_an_18th() -> None:
    """f is e, then (e - e) / 2, then a third of e again: with repetition it goes on for ever."""
    outputs = torch.tensor([[1.0], [-1.0]])
    net = two_layers(outputs)
    (group,) = prunable_groups(net, (1, 1, 1))
    losses = losses_of(net, group, (ONE, torch.zeros(1, 1)), half_square)
    seen, counts = [], torch.zeros(2)
    for _ in range(3):
        found = losses(counts, torch.arange(2))
        seen.append(float(found.min()))
        counts[found.argmin()] += 1
    assert seen == pytest.approx([1 / 2, 0, 1 / 18])


def test_the_first_pick_is_that_of_an_exhaustive_search() -> None:
    torch.manual_seed(0)
    outputs, target = torch.randn(7, 3), torch.randn(3)
    first = int((outputs - target).square().sum(1).argmin())
    assert int(order_of(outputs, target)["1"].argmax()) == first


def test_of_three_picks_none_alone_can_be_changed_for_the_better_at_its_time() -> None:
    """The picks are those of the definition, done by hand with means over the picks."""
    torch.manual_seed(1)
    outputs, target = torch.randn(5, 2), torch.randn(2)
    expected = list[int]()
    for _ in range(3):
        means = torch.stack([outputs[[*expected, unit]].mean(0) for unit in range(5)])
        expected.append(int((means - target).square().sum(1).argmin()))
    assert order_of(outputs, target, picks=3).orders["1"][:3] == expected


def test_a_unit_picked_twice_of_three_counts_twice_and_without_repetition_all_count_alike() -> None:
    """The target is (2 a + b) / 3; the others lie far off."""
    outputs = torch.tensor([[3.0, 0.0], [0.0, 3.0], [-9.0, -9.0], [-9.0, 9.0]])
    kept = torch.tensor([True, True, False, False])
    picks = order_of(outputs, torch.tensor([2.0, 1.0]), picks=3)
    assert picks.orders["1"][:3] == [0, 1, 0]
    assert factors(picks.orders["1"][:3], kept).tolist() == pytest.approx([4 * 2 / 3, 4 / 3, 0, 0])
    assert picks.scales({"1": kept})["1"].tolist() == pytest.approx([4 * 2 / 3, 4 / 3, 0, 0])
    once = order_of(outputs, torch.tensor([2.0, 1.0]), repeat=False)
    assert sorted(once.orders["1"]) == [0, 1, 2, 3]
    assert once.scales({"1": kept})["1"].tolist() == [2, 2, 0, 0]


def test_fewer_equal_units_give_the_mean_of_all() -> None:
    """N / |S| undoes what goes with the others."""
    net = two_layers(torch.full((6, 2), 5.0))
    groups = prunable_groups(net, (1, 1, 1))
    batch = ONE, torch.full((1, 2), 5.0)

    def score(model: nn.Module, groups: object) -> Picks:
        return greedy_forward(model, groups, [batch], half_square)  # type: ignore[arg-type]

    choice = choose_channels(net, (1, 1, 1), 0.5, layerwise_channels, score=score, groups=groups)
    small = shrink(scale_readers(net, groups, choice.scales), choice.kept, (1, 1, 1))
    assert small[1].out_features == 3  # type: ignore[union-attr]
    torch.testing.assert_close(small(ONE), net(ONE))


def test_a_layer_that_stays_whole_is_not_scaled_and_kept_units_that_no_pick_took_count_once() -> (
    None
):
    assert factors([0, 0, 1], torch.tensor([True, True])).tolist() == [1, 1]
    kept = torch.tensor([True, False, True])
    assert factors([0, 0, 1, 2], kept).tolist() == [2, 0, 1]


def test_after_the_last_pick_units_follow_by_their_loss() -> None:
    """-5 is best added to 6; of the rest 1, 9 and 2, what the mean of three comes nearest to 0 by
    is 1, then 2, then 9."""
    outputs = torch.tensor([[1.0], [6.0], [9.0], [-5.0], [2.0]])
    order = order_of(outputs, torch.tensor([6.0]), picks=1).orders["1"]
    assert order[0] == 1
    assert order[1:] == [2, 4, 0, 3]  # means with 6: 7.5, 4, 3.5, 0.5


def test_a_pick_may_try_some_random_units_alone() -> None:
    tried = list[list[int]]()

    def losses(counts: Tensor, units: Tensor) -> Tensor:
        tried.append(units.tolist())
        return units.float()

    order = pick(losses, 9, 3, repeat=False, candidates=2, draw=torch.Generator().manual_seed(0))
    assert [len(units) for units in tried] == [2, 2, 2, 6]
    assert order[:3] == [min(units) for units in tried[:3]]
    assert sorted(order) == list(range(9))
    assert len({tuple(units) for units in tried[:3]}) > 1


@pytest.mark.parametrize("loss", [F.cross_entropy, sigmoid_mse_twice])
def test_the_last_layers_units_have_the_same_losses_by_whole_passes(loss: object) -> None:
    """Two ways to compute the same: sums of rank one, and the network with other weights."""
    torch.manual_seed(0)
    net = swap_layers(nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)))
    (group,) = prunable_groups(net, (1, 2, 2))
    batch = torch.randn(8, 1, 2, 2), torch.arange(8) % 3
    counts, units = torch.tensor([0.0, 2, 0, 0, 1, 0]), torch.arange(6)
    quick = losses_of(net, group, batch, loss)  # type: ignore[arg-type]
    assert quick.func.__name__ == "_losses_of_last"  # type: ignore[attr-defined]
    for unit, got in zip(units, quick(counts, units), strict=True):
        more = counts.clone()
        more[unit] += 1
        other = scale_readers(net, [group], {group.name: 6 * more / more.sum()})
        torch.testing.assert_close(got, loss(other(batch[0]), batch[1]))  # type: ignore[operator]


def test_channels_behind_norms_are_picked_by_passes_and_the_model_stays(
    net: nn.Module, batch: Batch
) -> None:
    before = {name: value.clone() for name, value in net.state_dict().items()}
    groups = prunable_groups(net, (3, 8, 8))
    picks = greedy_forward(net, groups, [batch], F.cross_entropy)
    assert [len(score) for score in picks.values()] == [6, 8]
    assert all(
        sorted(set(order)) == list(range(len(set(order)))) for order in picks.orders.values()
    )
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    first = {
        unit: float(losses_of(net, groups[0], batch, F.cross_entropy)(torch.zeros(6), unit))
        for unit in torch.arange(6).split(1)
    }
    assert picks.orders["1"][0] == int(min(first, key=lambda unit: first[unit]))


def test_readers_see_channels_times_their_factors(net: nn.Module, batch: Batch) -> None:
    """What a norm gives, multiplied: ReLUs, pooling and flattening pass factors from 0 on."""
    net.eval()
    groups = prunable_groups(net, (3, 8, 8))
    factor = {"1": torch.arange(6.0), "4": torch.arange(8.0) / 4}
    scaled = scale_readers(net, groups, factor)
    x = batch[0]
    for layer, name in itertools.zip_longest(net, [None, "1", None, None, "4"]):
        x = layer(x)
        if name is not None:
            x = x * factor[name][:, None, None]
    torch.testing.assert_close(scaled(batch[0]), x)


def test_a_grouped_reader_is_scaled_by_its_groups_and_a_depthwise_one_is_passed_through() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 6, 1, groups=2), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten()),
        nn.Linear(6 * 4, 3),
    )
    swap_layers(net).eval()
    places = {(name, side): torch.arange(4) for name, side in [("0", "out"), ("6", "in")]}
    places |= {("3", side): torch.arange(4) for side in ("in", "out")}
    group = ChannelGroup("1", 4, ("1", "4"), ("0", "3"), ("3", "6"), places)
    factor, images = torch.tensor([2.0, 0.0, 1.0, 5.0]), torch.randn(2, 1, 2, 2)
    expected = net[6:](net[:6](images) * factor[:, None, None])
    torch.testing.assert_close(scale_readers(net, [group], {"1": factor})(images), expected)
