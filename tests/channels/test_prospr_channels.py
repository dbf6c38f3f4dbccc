import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.channels.choosing import prunable_groups
from goldpan.channels.gates import gate_slopes
from goldpan.channels.groups import ChannelGroup
from goldpan.channels.prospr_channels import prospr_channels
from goldpan.layers.masked import MaskedLinear
from goldpan.types import Batch

SHAPE = (3, 8, 8)
IMAGE = torch.tensor([[1.0, 2]]), torch.tensor([8])
BOTH = torch.arange(2)


def square(outputs: Tensor, y: Tensor) -> Tensor:
    """r^2 / 2 of r = the sum of the outputs less y."""
    return (outputs.sum(1) - y).square().mean() / 2


class Filters(nn.Module):
    """Two filters (3, -1) and (1, 1), or as many layers of one filter each that share a channel."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        rows = torch.tensor([[3.0, -1], [1, 1]]).split(2 // layers)
        self.layers = nn.ModuleList(MaskedLinear(2, len(row), bias=False) for row in rows)
        for layer, row in zip(self.layers, rows, strict=True):
            layer.weight.data = row.clone()

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([layer(x) for layer in self.layers], 1)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"steps": 0}, 1),
        ({"order": "first"}, (3 / 8) ** 2),
        ({"order": "full"}, (3 / 8) ** 4),
        ({"order": "first", "momentum": 0.5}, 11 / 64),
        ({"order": "full", "momentum": 0.5, "detach_first": True}, 11 / 64 * 3 / 8),
    ],
)
def test_two_filters_by_hand(options: dict[str, object], left: float) -> None:
    """r = 1 + 3 - 8 = -4, and a step of 1/16 takes r to (1 - 10/16) r: four inputs with squares 10.

    A filter's factor has the slope r_2 times its answer, 1 and 3: not the sum of |w dL/dw|.
    """
    group = ChannelGroup("a", 2, (), ("layers.0",), (), {("layers.0", "out"): BOTH})
    steps = {"steps": 2, "rate": 1 / 16} | options
    scores = prospr_channels(Filters(1), [group], [IMAGE], square, **steps)  # type: ignore[arg-type]
    assert scores["a"].tolist() == [4 * left, 12 * left]


def test_layers_of_one_channel_share_its_mask() -> None:
    """The slopes of both are added: r_2 (1 + 3)."""
    names = ("layers.0", "layers.1")
    group = ChannelGroup("a", 1, (), names, (), {(n, "out"): torch.tensor([0]) for n in names})
    scores = prospr_channels(Filters(2), [group], [IMAGE], square, steps=2, rate=1 / 16)
    assert scores["a"].tolist() == [16 * (3 / 8) ** 2]


def test_without_steps_a_norm_undoes_the_mask_of_its_filter_but_not_its_own(
    net: nn.Module, batch: Batch
) -> None:
    groups = prunable_groups(net, SHAPE)
    slopes = gate_slopes(net, groups, batch, F.cross_entropy)
    filters = prospr_channels(net, groups, [batch], F.cross_entropy, steps=0)
    whole = prospr_channels(net, groups, [batch], F.cross_entropy, steps=0, norms=True)
    later = prospr_channels(net, groups, [batch], F.cross_entropy, steps=3)
    for name, slope in slopes.items():
        assert filters[name].max() < 1e-3 * slope.abs().max()
        torch.testing.assert_close(whole[name], slope.abs(), rtol=1e-3, atol=1e-5)
        assert later[name].max() > 10 * filters[name].max()


def test_scoring_leaves_no_trace(net: nn.Module, batch: Batch) -> None:
    before = {name: value.clone() for name, value in net.state_dict().items()}
    scores = prospr_channels(net, prunable_groups(net, SHAPE), [batch], F.cross_entropy)
    assert {name: len(score) for name, score in scores.items()} == {"1": 6, "4": 8}
    assert not any(score.requires_grad for score in scores.values())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_steps_that_diverge_are_refused(net: nn.Module, batch: Batch) -> None:
    with pytest.raises(ValueError, match="must not diverge, got rate=1e\\+30"):
        prospr_channels(net, prunable_groups(net, SHAPE), [batch], F.cross_entropy, rate=1e30)
