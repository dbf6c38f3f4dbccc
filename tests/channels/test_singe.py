from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.channels.choosing import prunable_groups
from goldpan.channels.gates import gate_slopes
from goldpan.channels.groups import ChannelGroup
from goldpan.channels.singe import attributions, path_points, singe
from goldpan.channels.surgery import silence
from goldpan.gradients import mean_loss
from goldpan.types import Batch

BOTH = torch.tensor([0, 1])
GROUP = ChannelGroup("0", 2, ("0",), (), (), {("0", "out"): BOTH})
IMAGE = torch.tensor([1.0, 3]).view(1, 2, 1, 1)
LABEL = torch.tensor([0])
SHAPE = (3, 8, 8)


@pytest.fixture
def scales() -> nn.Module:
    """y is z times 2 * 1 + 1 and 5 * 3 - 3, by running statistics of 0 and 1."""
    norm = nn.BatchNorm2d(2, eps=1e-12)
    norm.weight.data, norm.bias.data = torch.tensor([2.0, 5]), torch.tensor([1.0, -3])
    return nn.Sequential(norm, nn.Flatten())


def linear(logits: Tensor, _: Tensor) -> Tensor:
    """y_0 - 3 y_1."""
    return (logits[0] * torch.tensor([1.0, -3])).sum()


def wells(logits: Tensor, _: Tensor) -> Tensor:
    """(y_0 - 1.5)^2 / 2 + (y_1 - 18)^2 / 2: the first y, 3, is as far from its well as 0 is."""
    return (logits[0] - torch.tensor([1.5, 18])).square().sum() / 2


@pytest.mark.parametrize(
    ("options", "share"),
    [
        ({"steps": 1}, 1),
        ({"steps": 7, "together": "channel"}, 1),
        ({"path": "geometric", "steps": 2, "ratio": 0.5}, 0.75),
        ({"integral": "difference", "together": "network"}, 1),
    ],
)
def test_of_a_linear_loss_a_channel_scores_by_its_slope_and_the_length_of_the_path(
    scales: nn.Module, options: dict[str, Any], share: float
) -> None:
    """dL/dz is 3 and -3 * 12 everywhere; a geometric path of two halves ends at a quarter."""
    scores = singe(scales, [GROUP], [(IMAGE, LABEL)], linear, **options)
    assert scores["0"].tolist() == pytest.approx([3 * share, 36 * share])


@pytest.mark.parametrize("together", ["channel", "group", "network"])
def test_a_loss_that_falls_and_rises_again_has_varied_though_there_is_no_difference(
    scales: nn.Module, together: str
) -> None:
    """dL/dz = 3 (3 z - 1.5) and 12 (12 z - 18); at z = 1 they are 4.5 and -72.

    The first changes its sign half way: its absolute value has the integral 2 * 9 / 8. The second
    comes to 18^2 / 2 - 6^2 / 2.
    """
    batches = [(IMAGE, LABEL)]
    varied = singe(scales, [GROUP], batches, wells, together=together)["0"]
    assert varied.tolist() == pytest.approx([2.25, 144])
    moved = singe(scales, [GROUP], batches, wells, together=together, integral="difference")["0"]
    assert moved.tolist() == pytest.approx([0, 144], abs=1e-4)


def resting(logits: Tensor, _: Tensor) -> Tensor:
    """(y_0 - 3.1)^2 / 2 + y_1 / 10."""
    return (logits[0, 0] - 3.1).square() / 2 + logits[0, 1] / 10


def test_a_slope_that_vanishes_where_the_training_ended_does_not_remove_a_channel(
    scales: nn.Module,
) -> None:
    """At z = 1 the slopes are -0.3 and 1.2; to zero the loss varies by 4.8 and 1.2."""
    batches = [(IMAGE, LABEL)]
    here = gate_slopes(scales, [GROUP], batches[0], resting, how="eval")["0"]
    assert here.tolist() == pytest.approx([-0.3, 1.2])
    along = singe(scales, [GROUP], batches, resting)["0"]
    assert along.tolist() == pytest.approx([4.8, 1.2])


def value(net: nn.Module, batches: list[Batch]) -> float:
    each = [mean_loss(net, {}, batch, F.cross_entropy, how="eval") for batch in batches]
    return float(torch.stack(each).mean().detach())


@pytest.fixture
def trained(net: nn.Module) -> nn.Module:
    """Norms whose scales, biases and statistics differ from one another."""
    drawn = torch.Generator().manual_seed(2)
    for norm in (net[1], net[4]):  # type: ignore[index]
        for part in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            part.data = torch.rand(part.shape, generator=drawn) + 0.5
    return net


def test_attributions_add_up_to_what_the_loss_changes_by(trained: nn.Module, batch: Batch) -> None:
    """Completeness, of all channels together, of each group, and of a channel alone."""
    halves = [(batch[0][:10], batch[1][:10]), (batch[0][10:], batch[1][10:])]
    groups = prunable_groups(trained, SHAPE)
    none = {group.name: torch.zeros(group.size, dtype=torch.bool) for group in groups}
    points = path_points(8, "linear", 0.5)

    def attributed(together: str) -> dict[str, Tensor]:
        return attributions(trained, groups, halves, F.cross_entropy, points, together=together)

    def change(kept: dict[str, Tensor]) -> float:
        return value(trained, halves) - value(silence(trained, groups, kept), halves)

    assert abs(change(none)) > 0.01
    total = sum(float(part.sum()) for part in attributed("network").values())
    assert total == pytest.approx(change(none), abs=1e-4)
    alone = attributed("group")
    every = {name: ~mask for name, mask in none.items()}
    for name in none:
        assert float(alone[name].sum()) == pytest.approx(
            change(every | {name: none[name]}), abs=1e-4
        )
    others = torch.arange(groups[0].size) != 3
    found = attributions(trained, groups[:1], halves, F.cross_entropy, points, together="channel")
    expected = change(every | {groups[0].name: others})
    assert float(found[groups[0].name][3]) == pytest.approx(expected, abs=1e-4)


def test_a_channel_that_nothing_reads_scores_zero_and_scoring_leaves_no_trace(
    trained: nn.Module, batch: Batch
) -> None:
    with torch.no_grad():
        trained[3].weight[:, 2] = 0  # type: ignore[index]
    before = {name: tensor.clone() for name, tensor in trained.state_dict().items()}
    scores = singe(trained, prunable_groups(trained, SHAPE), [batch], F.cross_entropy, steps=3)
    assert scores["1"][2] == 0
    assert (scores["1"] > 0).sum() == 5
    assert not any(score.requires_grad for score in scores.values())
    assert all(torch.equal(tensor, before[name]) for name, tensor in trained.state_dict().items())
    assert not any(module._forward_hooks for module in trained.modules())
    assert trained.training


def test_hidden_units_without_a_norm_have_gates_too() -> None:
    """y = relu(2 x) - relu(x): of x = 1 they take 2 and -1 of the answer."""
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[2.0], [1]]))  # type: ignore[operator]
        net[0].bias.zero_()  # type: ignore[operator]
        net[2].weight.copy_(torch.tensor([[1.0, -1]]))  # type: ignore[operator]
    places = {("0", "out"): BOTH, ("2", "in"): BOTH}
    group = ChannelGroup("0", 2, (), ("0",), ("2",), places)
    points = path_points(2, "linear", 0.5)
    batches = [(torch.ones(1, 1), LABEL)]
    found = attributions(net, [group], batches, lambda logits, _: logits.sum(), points)
    assert found["0"].tolist() == pytest.approx([2, -1])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"together": "layer"}, "together must be one of channel, group, network; got 'layer'"),
        ({"integral": "sum"}, "integral must be one of variation, difference; got 'sum'"),
        ({"path": "round"}, "path must be one of linear, geometric; got 'round'"),
        ({"steps": 0}, "steps >= 1 and 0 < ratio < 1; got 0 and 0.5"),
        ({"path": "geometric", "ratio": 1.0}, "got 10 and 1.0"),
    ],
)
def test_no_such_path_is_refused(scales: nn.Module, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        singe(scales, [GROUP], [(IMAGE, LABEL)], linear, **options)
