import torch
from torch import nn

from goldpan.channels.group_magnitude import group_magnitude, input_squares, squared_norms
from goldpan.channels.groups import ChannelGroup


def chain() -> tuple[nn.Module, ChannelGroup]:
    """Two channels: filters 1 and 2, scales 1 and 1; each is read by two inputs of a layer."""
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(4, 1))
    net[0].weight.data = torch.tensor([1.0, -2]).view(2, 1, 1, 1)  # type: ignore[union-attr]
    net[3].weight.data = torch.tensor([[1.0, 0, 0, 3]])  # type: ignore[union-attr]
    each, twice = torch.tensor([0, 1]), torch.tensor([0, 0, 1, 1])
    places = {("0", "out"): each, ("1", "out"): each, ("3", "in"): twice}
    return net, ChannelGroup("1", 2, ("1",), ("0",), ("3",), places)


def test_filters_scales_and_readers_of_a_channel_count() -> None:
    """1 + 1 + 1 = 3 and 4 + 1 + 9 = 14, of which the mean is 8.5."""
    net, group = chain()
    assert squared_norms(net, group).tolist() == [3, 14]
    assert torch.equal(group_magnitude(net, [group])["1"], torch.tensor([3, 14]) / 8.5)


def test_a_grouped_convolution_reads_each_input_in_its_own_group() -> None:
    layer = nn.Conv2d(4, 2, 1, groups=2)
    layer.weight.data = torch.tensor([1.0, 2, 3, 4]).view(2, 2, 1, 1)
    assert input_squares(layer).tolist() == [1, 4, 9, 16]


def test_the_weights_of_a_depthwise_convolution_count_once() -> None:
    net = nn.Sequential(nn.Conv2d(2, 2, 1, groups=2))
    net[0].weight.data = torch.tensor([1.0, 2]).view(2, 1, 1, 1)  # type: ignore[union-attr]
    each = torch.tensor([0, 1])
    places = {("0", "in"): each, ("0", "out"): each}
    assert squared_norms(net, ChannelGroup("n", 2, (), ("0",), ("0",), places)).tolist() == [1, 4]
