import pytest
import torch
from torch import nn

from goldpan.channels.group_lamp import group_lamp
from goldpan.channels.groups import ChannelGroup


def test_a_channel_scores_by_its_squares_over_those_of_channels_no_smaller() -> None:
    """Filters 1, 3 and 2: 1 / (9 + 4 + 1), 9 / 9 and 4 / (9 + 4)."""
    net = nn.Sequential(nn.Conv2d(1, 3, 1))
    net[0].weight.data = torch.tensor([1.0, -3, 2]).view(3, 1, 1, 1)  # type: ignore[union-attr]
    group = ChannelGroup("n", 3, (), ("0",), (), {("0", "out"): torch.arange(3)})
    assert group_lamp(net, [group])["n"].tolist() == pytest.approx([1 / 14, 1, 4 / 13])
