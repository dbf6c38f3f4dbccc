import pytest
import torch
from torch import nn

from goldpan.channels.filter_norms import filter_l1, filter_l2
from goldpan.channels.groups import ChannelGroup


def test_a_channel_scores_by_the_sum_of_its_absolute_weights_or_of_their_squares() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, (1, 2), bias=False))
    net[0].weight.data = torch.tensor([3.0, -4, 0, 2]).view(2, 1, 1, 2)  # type: ignore[union-attr]
    places = {("0", "out"): torch.tensor([0, 1])}
    group = ChannelGroup("norm", 2, ("norm",), ("0",), (), places)
    assert filter_l1(net, [group])["norm"].tolist() == [7, 2]
    assert filter_l2(net, [group])["norm"].tolist() == [5, 2]


def test_layers_that_make_the_same_channels_are_averaged() -> None:
    net = nn.Sequential(nn.Linear(1, 2), nn.Linear(1, 2))
    for layer, values in zip(net, ([1.0, 2], [3.0, -6]), strict=True):
        layer.weight.data = torch.tensor(values)[:, None]  # type: ignore[union-attr]
    both = torch.tensor([0, 1])
    group = ChannelGroup("n", 2, ("n",), ("0", "1"), (), {("0", "out"): both, ("1", "out"): both})
    assert filter_l1(net, [group])["n"].tolist() == pytest.approx([2, 4])
