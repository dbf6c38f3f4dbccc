import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.channels.choosing import prunable_groups
from goldpan.channels.groups import ChannelGroup
from goldpan.channels.taylor import taylor
from goldpan.types import Batch

BOTH = torch.tensor([0, 1])
EPS = 1e-12
IMAGES = torch.tensor([1.0, 3]).view(2, 1, 1, 1).expand(2, 2, 1, 1)
"""Both channels are 1 and 3, which BatchNorm makes -1 and 1."""


def weighed(logits: Tensor, labels: Tensor) -> Tensor:
    """y_0 + 3 y_1 of the second image, times its label."""
    return (logits[1] * torch.tensor([1.0, 3])).sum() * labels[1]


def test_a_channel_scores_by_its_gates_squared_gradient_averaged_over_batches() -> None:
    """In the second image y is gamma + beta: 2 + 1 and 5 - 3."""
    norm = nn.BatchNorm2d(2, eps=EPS)
    norm.weight.data, norm.bias.data = torch.tensor([2.0, 5]), torch.tensor([1.0, -3])
    net = nn.Sequential(norm, nn.Flatten())
    batches = [(IMAGES, torch.tensor([0, label])) for label in (1, 2)]
    group = ChannelGroup("0", 2, ("0",), (), (), {("0", "out"): BOTH})
    scores = taylor(net, [group], batches, weighed)
    # dL/dz is 3 and 3 * 2 in the first batch, twice that in the second; (9 + 36) / 2 and four times
    assert scores["0"].tolist() == pytest.approx([22.5, 90])


class Sum(nn.Module):
    """Two norms of the same channels, as where a residual branch meets its shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.BatchNorm2d(2, eps=EPS), nn.BatchNorm2d(2, eps=EPS)
        nn.init.constant_(self.a.weight, 2)
        nn.init.constant_(self.b.weight, 4)

    def forward(self, x: Tensor) -> Tensor:
        return (self.a(x) + self.b(x)).flatten(1)


def test_the_norms_of_a_group_share_one_gate() -> None:
    """(2 + 4)^2 and (3 * 2 + 3 * 4)^2."""
    places = {("a", "out"): BOTH, ("b", "out"): BOTH}
    group = ChannelGroup("a", 2, ("a", "b"), (), (), places)
    scores = taylor(Sum(), [group], [(IMAGES, torch.tensor([0, 1]))], weighed)
    assert scores["a"].tolist() == pytest.approx([36, 324])


def test_scoring_leaves_no_trace(net: nn.Module, batch: Batch) -> None:
    before = {name: value.clone() for name, value in net.state_dict().items()}
    groups = prunable_groups(net, (3, 8, 8))
    scores = taylor(net, groups, [batch], F.cross_entropy)
    assert [(len(score), bool((score > 0).all())) for score in scores.values()] == [
        (6, True), (8, True)
    ]  # fmt: skip
    assert not any(score.requires_grad for score in scores.values())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())
    assert all(parameter.grad is None for parameter in net.parameters())
