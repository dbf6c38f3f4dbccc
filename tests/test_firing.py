"""AND and OR neurons on all corners of a cube, where the fractions are known."""

import math
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from goldpan.firing import firing_rates, scramble

INPUTS = 3
CORNERS = torch.tensor([*product((-1.0, 1.0), repeat=INPUTS)]).reshape(-1, 1, 1, INPUTS)
"""All 2^3 images of three pixels, each -1 or 1."""

TOGETHER = torch.tensor([[-1.0] * INPUTS, [1.0] * INPUTS] * 4000).reshape(-1, 1, 1, INPUTS)
"""Three pixels that are always equal: the strongest of correlations."""


def gates() -> nn.Module:
    """An exact AND neuron, an exact OR neuron, and one that reads the first pixel alone."""
    layer, reader = nn.Linear(INPUTS, 3), nn.Linear(3, 2)
    margin = (INPUTS - 1) / INPUTS
    layer.weight.data = torch.tensor([[1 / INPUTS] * 3, [1 / INPUTS] * 3, [1.0, 0, 0]])
    # Half a step from the corners that decide, so that rounding does not.
    layer.bias.data = torch.tensor([-margin, margin, 0.0])
    return nn.Sequential(nn.Flatten(), layer, nn.ReLU(), reader)


def rates(images: Tensor, parts: int = 2) -> list[float]:
    (found,) = firing_rates(gates(), images.chunk(parts)).values()
    return found.tolist()


def test_and_fires_on_one_corner_and_or_on_all_but_one() -> None:
    assert rates(CORNERS) == [1 / 8, 7 / 8, 1 / 2]


def test_scrambling_keeps_each_pixels_values_and_parts_what_went_together() -> None:
    scrambled = scramble(TOGETHER, torch.Generator().manual_seed(0))
    assert torch.equal(scrambled.sort(0).values, TOGETHER.sort(0).values)
    correlation = torch.corrcoef(scrambled.flatten(1).T)
    assert correlation[~torch.eye(INPUTS, dtype=torch.bool)].abs().max() < 0.05
    assert not torch.equal(scrambled, TOGETHER)


def test_and_fires_more_often_on_what_goes_together_and_or_less_often() -> None:
    """f_D is 1/2 for both. Scrambled pixels are as good as all corners: 1/8 and 7/8."""
    assert rates(TOGETHER) == [1 / 2] * 3
    conjunction, disjunction, alone = rates(scramble(TOGETHER, torch.Generator().manual_seed(1)))
    assert conjunction == pytest.approx(1 / 8, abs=0.02)
    assert disjunction == pytest.approx(7 / 8, abs=0.02)
    assert alone == 1 / 2


def test_a_channel_fires_as_often_as_its_positions_do() -> None:
    """A ReLU of pixels 1, 0, 0, 0 and 1, 1, 0, 0: a quarter and a half of the positions."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(), nn.Conv2d(1, 2, 2), nn.Flatten())
    net[0].weight.data.fill_(1)
    images = torch.tensor([[1.0, 0, 0, 0], [1, 1, 0, 0]]).reshape(2, 1, 2, 2)
    assert firing_rates(net, [images])["2"].tolist() == [3 / 8]


def test_tokens_are_positions_and_the_last_dimension_are_neurons() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 5))
    net[0].weight.data, net[0].bias.data = torch.eye(2), torch.zeros(2)
    tokens = torch.tensor([[[1.0, -1], [1, -1], [1, 1]]])
    found = firing_rates(net, [tokens])["2"].tolist()
    assert found == pytest.approx([1, 1 / 3])
    assert not math.isclose(*found)
