import pytest
import torch

from goldpan.cost import cost, live_paths
from goldpan.layers.masked import MaskedConv2d
from goldpan.masks import masked_layers, read_masks
from goldpan.models.espcn import espcn


@pytest.mark.parametrize("scale", [2, 3])
def test_images_become_scale_times_as_high_and_wide(scale: int) -> None:
    net = espcn(scale=scale)
    assert net(torch.rand(2, 1, 6, 5)).shape == (2, 1, 6 * scale, 5 * scale)


def test_the_papers_network_has_21_184_weights_and_100_biases() -> None:
    net = espcn(scale=2)
    assert read_masks(net).total == 5 * 5 * 64 + 9 * 64 * 32 + 9 * 32 * 4 == 21_184
    assert sum(parameter.numel() for parameter in net.parameters()) == 21_284
    assert cost(net, (1, 16, 16)).flops == 2 * 21_184 * 16 * 16


def test_the_channels_of_a_pixel_are_dealt_out_to_a_square() -> None:
    net = espcn(scale=2)
    with torch.no_grad():
        net.conv3.weight.zero_()  # type: ignore[union-attr,operator]
        net.conv3.bias.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))  # type: ignore[union-attr,operator,arg-type]
    assert net(torch.zeros(1, 1, 2, 1))[0, 0].tolist() == [[1, 2], [3, 4], [1, 2], [3, 4]]


def test_paths_lead_through_tanh_and_the_shuffle() -> None:
    net = espcn()
    layer = masked_layers(net)["conv2.weight"]
    assert isinstance(layer, MaskedConv2d)
    layer.mask[3] = False
    live = live_paths(net, (1, 8, 8))
    assert live is not None
    assert not live["conv3.weight"][:, 3].any()
    assert live["conv3.weight"].sum() == 4 * 31 * 9


def test_the_width_multiplies_the_channels_between() -> None:
    assert [w.shape[0] for w in read_masks(espcn(width=0.25)).values()] == [16, 8, 4]
