from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from goldpan.channels.finding import find_groups, trace
from goldpan.models.resnet import resnet20

SHAPE = (3, 8, 8)


class Wired(nn.Module, ABC):
    """Two convolutions of the images with a norm each; `wire` joins them for the head."""

    def __init__(self, head: int, first: int = 4, second: int = 4) -> None:
        super().__init__()
        self.a, self.norm_a = nn.Conv2d(3, first, 3, padding=1), nn.BatchNorm2d(first)
        self.b, self.norm_b = nn.Conv2d(3, second, 3, padding=1), nn.BatchNorm2d(second)
        self.head = nn.Linear(head, 5)

    @abstractmethod
    def wire(self, a: Tensor, b: Tensor) -> Tensor:
        """What the head sees of the two."""

    def forward(self, x: Tensor) -> Tensor:
        joined = self.wire(self.norm_a(self.a(x)), self.norm_b(self.b(x)))
        logits: Tensor = self.head(joined.flatten(1))
        return logits


class Added(Wired):
    def wire(self, a: Tensor, b: Tensor) -> Tensor:
        return (a + b).mean((2, 3))


class Concatenated(Wired):
    def wire(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.cat([a, b], 1).relu()


def test_channels_of_the_images_and_of_the_output_are_in_no_group() -> None:
    norm, pool = nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1)
    last = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), pool, nn.Flatten())
    assert find_groups(nn.Sequential(norm, last), SHAPE) == []


def test_an_addition_ties_and_the_first_norm_leads() -> None:
    (group,) = find_groups(Added(4), SHAPE)
    assert (group.name, group.norms) == ("norm_a", ("norm_a", "norm_b"))
    assert (group.producers, group.consumers) == (("a", "b"), ("head",))


def test_a_concatenation_lists_and_a_flattening_repeats() -> None:
    first, second = find_groups(Concatenated(5 * 64, first=2, second=3), SHAPE)
    expected = torch.tensor([0, 1, -1, -1, -1]).repeat_interleave(64)
    assert torch.equal(first.places["head", "in"], expected)
    assert torch.equal(second.places["head", "in"], (torch.arange(320) // 64 - 2).clamp(-1))


def test_a_norm_behind_a_concatenation_serves_all_that_comes_in() -> None:
    class Dense(Concatenated):
        def wire(self, a: Tensor, b: Tensor) -> Tensor:
            joined: Tensor = self.last(super().wire(a, b))  # type: ignore[operator]
            return joined

    net = Dense(5 * 64, first=2, second=3)
    net.norm_b, net.last = nn.Identity(), nn.BatchNorm2d(5)  # type: ignore[assignment]
    first, second = find_groups(net, SHAPE)
    assert (first.norms, second.norms) == (("norm_a", "last"), ("last",))
    assert (first.size, second.size) == (2, 3)
    assert second.places["last", "out"].tolist() == [-1, -1, 0, 1, 2]
    assert second.pool("last", torch.arange(5.0)).tolist() == [2.0, 3.0, 4.0]


def test_an_inverted_residual_ties_expansion_and_depthwise_norms() -> None:
    net = nn.Sequential(
        *(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU6()),
        *(nn.Conv2d(4, 4, 3, groups=4), nn.BatchNorm2d(4), nn.ReLU6()),
        *(nn.Conv2d(4, 2, 1), nn.Flatten(), nn.Linear(2 * 36, 5)),
    )
    (group,) = find_groups(net, SHAPE)
    assert (group.name, group.size, group.norms) == ("1", 4, ("1", "4"))
    assert (group.producers, group.consumers) == (("0", "3"), ("3", "6"))


def test_a_group_of_a_convolution_goes_whole() -> None:
    net = nn.Sequential(
        *(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 1, groups=2), nn.BatchNorm2d(6)),
        *(nn.Flatten(), nn.Linear(6 * 64, 5)),
    )
    (group,) = find_groups(net, SHAPE)
    assert group.size == 2
    assert group.places["2", "in"].tolist() == [0, 0, 1, 1]
    assert group.places["3", "out"].tolist() == [0, 0, 0, 1, 1, 1]
    assert group.pool("1", torch.tensor([1.0, 3.0, 5.0, 9.0])).tolist() == [2.0, 7.0]


def test_beside_a_padded_shortcut_only_what_it_carries_can_shrink() -> None:
    net = resnet20(width=0.25)  # 4, 8 and 16 channels, shortcuts of type A
    group = find_groups(net, SHAPE)[0]
    assert (group.name, group.size) == ("stem.1", 4)
    assert group.places["stages.1.0.norm2", "out"].tolist() == [-1, -1, 0, 1, 2, 3, -1, -1]
    assert "padded" in trace(net, SHAPE).whole["stages.1.0.norm2"]


def test_a_lone_parameter_keeps_what_it_meets() -> None:
    class Scaled(Added):
        def __init__(self) -> None:
            super().__init__(4)
            self.gamma = nn.Parameter(torch.ones(4, 1, 1))

        def wire(self, a: Tensor, b: Tensor) -> Tensor:
            return super().wire(a * self.gamma, b)

    assert "they meet gamma" in trace(Scaled(), SHAPE).whole["norm_a"]


def test_a_layer_with_weights_of_its_own_kind_stays() -> None:
    net = Added(4)
    net.a.register_parameter("gain", nn.Parameter(torch.ones(4, 1, 1, 1)))
    assert "Conv2d (a)" in trace(net, SHAPE).whole["norm_a"]
