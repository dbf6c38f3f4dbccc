import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.layers.swap import swap_layers


class OwnForward(nn.Conv2d):
    """Standardises its weight, as timm's StdConv2d does."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight - self.weight.mean(), self.bias)


def test_layer_keeps_its_parameters_arguments_and_state() -> None:
    layer = nn.Conv2d(
        4, 6, 3, stride=2, padding=1, dilation=2, groups=2, padding_mode="circular", bias=False
    )
    layer.double().eval().requires_grad_(False)
    weight, before, images = layer.weight, dict(vars(layer)), torch.randn(2, 4, 9, 9).double()
    expected = layer(images)
    swapped = swap_layers(layer)
    assert isinstance(swapped, MaskedConv2d)
    assert swapped.weight is weight
    assert {key: vars(swapped)[key] for key in before} == before
    assert swapped.mask.shape == weight.shape
    assert swapped.mask.dtype == torch.bool
    assert swapped.mask.all()
    assert torch.equal(swapped(images), expected)
    assert "mask" in swapped.state_dict()


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_logits_stay_bit_for_bit(library: str) -> None:
    if library == "torchvision":
        from torchvision.models import mobilenet_v2

        net = mobilenet_v2(num_classes=5).eval()
    else:
        timm = pytest.importorskip("timm")
        net = timm.create_model("test_vit", pretrained=False, num_classes=5, img_size=32).eval()
    images = torch.randn(2, 3, 32, 32)
    expected, parameters = net(images), list(net.parameters())
    assert swap_layers(net) is net
    assert torch.equal(net(images), expected)
    assert all(a is b for a, b in zip(net.parameters(), parameters, strict=True))
    kinds = {type(m) for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert kinds == {MaskedConv2d, MaskedLinear}


def test_shared_layers_and_tied_weights_stay_shared() -> None:
    shared, tied = nn.Linear(3, 3), nn.Linear(3, 3)
    tied.weight = shared.weight
    net = swap_layers(nn.Sequential(shared, nn.Sequential(shared), tied))
    assert net[0] is net[1][0]
    assert net[2].weight is net[0].weight
    assert [isinstance(layer, MaskedLinear) for layer in (net[0], net[2])] == [True, False]


def test_masked_layers_keep_their_masks() -> None:
    layer = MaskedLinear(2, 2)
    layer.mask[0, 0] = False
    swap_layers(layer)
    assert layer.mask.tolist() == [[False, True], [True, True]]


def test_optimizer_moves_the_swapped_layer() -> None:
    layer = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    swapped = swap_layers(layer)
    before = swapped.weight.clone()
    swapped(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert torch.equal(swapped.weight, before - 1)


def test_subclasses_of_masked_layers_can_be_injected() -> None:
    class Marked(MaskedConv2d):
        pass

    net = swap_layers(nn.Sequential(nn.Conv2d(1, 1, 1), nn.Linear(1, 1)), conv=Marked)
    assert [type(layer) for layer in net.children()] == [Marked, MaskedLinear]


def test_layers_that_compute_in_their_own_way_stay() -> None:
    net = nn.ModuleDict(
        {
            "plain": nn.Conv2d(1, 2, 1),
            "own": OwnForward(1, 2, 1),
            "normed": parametrizations.weight_norm(nn.Linear(2, 2)),
            "lazy": nn.LazyLinear(2),
            "transposed": nn.ConvTranspose2d(1, 1, 1),
            "attention": nn.MultiheadAttention(4, 2),
        }
    )
    swap_layers(net)
    masked = [name for name, m in net.named_modules() if isinstance(m, MaskedConv2d | MaskedLinear)]
    assert masked == ["plain", "attention.out_proj"]
