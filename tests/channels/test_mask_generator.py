import pytest
import torch
from torch import Tensor, nn

from goldpan.channels.choosing import prunable_groups
from goldpan.channels.groups import ChannelGroup
from goldpan.channels.mask_generator import MaskGenerator, image_features
from goldpan.types import Batch


@pytest.fixture
def generator() -> MaskGenerator:
    torch.manual_seed(0)
    return MaskGenerator(features=3, channels=5, width=8)


@pytest.fixture
def seen() -> Tensor:
    return torch.randn(7, 3, generator=torch.Generator().manual_seed(1))


def test_neither_the_order_of_the_images_nor_a_second_copy_of_them_matters(
    generator: MaskGenerator, seen: Tensor
) -> None:
    logits = generator(seen)
    assert logits.shape == (5,)
    assert torch.allclose(generator(seen.flip(0)), logits, atol=1e-6)
    assert torch.allclose(generator(seen.repeat(2, 1)), logits, atol=1e-6)
    assert not torch.allclose(generator(seen[:3]), logits, atol=1e-3)


def test_nine_tenths_of_each_channel_stay_at_first_whatever_is_seen() -> None:
    """Of an encoder that says nothing, since its weights are zero."""
    generator = MaskGenerator(3, 5, 8)
    nn.init.zeros_(generator.heads.weight)
    assert generator(torch.ones(2, 3)).sigmoid().tolist() == pytest.approx([0.9] * 5)


def test_an_image_is_seen_as_the_mean_positive_part_of_each_output() -> None:
    """Running statistics of 0 and 1: the norms leave 2 and -4, and -1 and 3, as they are."""
    net = nn.Sequential(nn.BatchNorm2d(2, eps=0), nn.Flatten())
    group = ChannelGroup("0", 2, ("0",), (), (), {("0", "out"): torch.arange(2)})
    images = torch.tensor([[[2.0, -4], [-1, 3]]]).view(1, 2, 1, 2)
    assert image_features(net, [group], images).tolist() == [[1, 1.5]]


def test_hidden_units_are_seen_wherever_their_positions_are() -> None:
    """(N, tokens, units): the mean over two tokens of the positive part."""
    net = nn.Sequential(nn.Linear(1, 2, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0], [-2]]))  # type: ignore[operator]
    group = ChannelGroup("0", 2, (), ("0",), (), {("0", "out"): torch.arange(2)})
    tokens = torch.tensor([[[1.0], [3]], [[-1], [-5]]])
    assert image_features(net, [group], tokens).tolist() == [[2, 0], [0, 6]]


def test_to_see_images_leaves_no_trace(net: nn.Module, batch: Batch) -> None:
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    features = image_features(net, prunable_groups(net, (3, 8, 8)), batch[0])
    assert features.shape == (20, 14)
    assert not features.requires_grad
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert net.training
    assert not any(module._forward_hooks for module in net.modules())
