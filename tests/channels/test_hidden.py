from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import SwinTransformer, VisionTransformer
from torchvision.models.convnext import CNBlockConfig, ConvNeXt

from goldpan.channels.choosing import channel_scores
from goldpan.channels.finding import find_groups
from goldpan.channels.surgery import shrink, silence
from goldpan.cost import cost
from goldpan.layers.swap import swap_layers

SHAPE = (3, 32, 32)


def vit() -> nn.Module:
    return VisionTransformer(32, 8, 2, 4, 32, 48, num_classes=5)


def convnext() -> nn.Module:
    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=5)


def swin() -> nn.Module:
    return SwinTransformer([4, 4], 8, [1, 1], [2, 2], [2, 2], num_classes=5)


def timm_vit() -> nn.Module:
    timm = pytest.importorskip("timm")
    net: nn.Module = timm.create_model("test_vit", num_classes=5, img_size=32)
    return net


@pytest.mark.parametrize(
    ("build", "first", "sizes"),
    [
        (vit, "encoder.layers.encoder_layer_0.mlp.0", {48}),
        (convnext, "features.1.0.block.3", {32, 64}),
        (swin, "features.1.0.mlp.0", {32, 64}),
        (timm_vit, "blocks.0.mlp.fc1", {192}),
    ],
)
def test_without_its_hidden_units_a_network_computes_what_it_does_when_they_are_zero(
    build: Callable[[], nn.Module], first: str, sizes: set[int]
) -> None:
    torch.manual_seed(0)
    net = swap_layers(build()).eval()
    for parameter in net.parameters():  # heads and layer scales start at zero, or nearly
        parameter.data += 0.1 * torch.randn_like(parameter)
    groups = find_groups(net, SHAPE)
    assert groups[0].name == first
    assert {group.size for group in groups} == sizes
    kept = {group.name: torch.arange(group.size) % 3 > 0 for group in groups}
    small, silent = shrink(net, kept, SHAPE), silence(net, groups, kept)
    images = torch.randn(2, *SHAPE)
    torch.testing.assert_close(small(images), silent(images))
    assert (silent(images) - net(images)).abs().max() > 1e-4
    assert cost(small, SHAPE).flops < cost(net, SHAPE).flops


def test_units_that_go_elsewhere_or_are_not_zero_at_zero_stay() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 6)
            self.d, self.e = nn.Linear(6, 7), nn.Linear(7, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.a(x.flatten(1))
            x = self.c(self.b(x.relu()) + x)  # a is read twice, b is added to
            x = self.d(x.relu())  # of c alone, the units are zero at zero
            return self.e(x.sigmoid())  # type: ignore[no-any-return]

    (group,) = find_groups(swap_layers(Net()), (1, 2, 2))
    assert str(group) == "6 hidden units: from c to d"


def test_the_units_with_the_smallest_weights_go_first() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    net[1].weight.data = torch.tensor([[3.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    net[3].weight.data = torch.tensor([[0.0, 1.0, 3.0]])
    swap_layers(net)
    scores = channel_scores(net, find_groups(net, (2, 1, 1)))["1"]
    torch.testing.assert_close(scores, torch.tensor([9.0, 2.0, 11.0]) / (22 / 3))
