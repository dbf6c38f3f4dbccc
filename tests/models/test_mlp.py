import pytest
import torch
from torch import nn

from goldpan.layers.masked import MaskedBias
from goldpan.masks import read_masks
from goldpan.models.lenet import lenet_300_100
from goldpan.models.mlp import DROPOUTS, mlp


def test_sets_mlp_has_its_weights_and_biases() -> None:
    net = mlp()
    sizes = [parameter.numel() for parameter in net.parameters()]
    assert sum(sizes) == 2_794_000 + 3_010
    assert read_masks(net).total == 2_794_000


def test_hidden_layers_are_those_of_lenet_300_100() -> None:
    net, lenet = mlp(hidden=[300, 100], seed=3), lenet_300_100(seed=3)
    assert list(net.state_dict()) == list(lenet.state_dict())
    images = torch.randn(2, 1, 28, 28)
    assert torch.equal(net(images), lenet(images))


def test_without_hidden_layers_it_is_linear() -> None:
    net = mlp(hidden=[], image_size=8)
    assert net(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert read_masks(net).total == 640


@pytest.mark.parametrize("kind", DROPOUTS)
def test_dropout_acts_in_training_and_repeats_at_test(kind: str) -> None:
    net = mlp(hidden=[50, 50], image_size=8, dropout=0.5, dropout_kind=kind)
    images = torch.ones(2, 1, 8, 8)
    assert not torch.equal(net(images), net(images))
    net.eval()
    assert torch.equal(net(images), net(images))


def test_dropout_of_zero_leaves_no_layer() -> None:
    assert not any(isinstance(module, nn.Dropout) for module in mlp().modules())


def test_straight_through_scales_all_sums_but_the_first_at_test() -> None:
    """z = (1 - p) (W a + b) for every layer behind a dropout, as in SET's tutorial."""
    net = mlp(hidden=[5, 4], image_size=2, dropout=0.2, dropout_kind="straight_through")
    with torch.no_grad():
        net.linear2.bias.fill_(1.0)
    x = torch.rand(3, 1, 2, 2)
    a = net.linear1(x.flatten(1)).relu()
    a = (0.8 * net.linear2(a)).relu()
    torch.testing.assert_close(net.eval()(x), 0.8 * net.linear3(a))


def test_bias_false_leaves_weights_alone() -> None:
    assert all(p.dim() == 2 for p in mlp(hidden=[5], bias=False).parameters())


def test_prunable_biases_are_masked_layers() -> None:
    net = mlp(hidden=[5], image_size=8, bias="prunable")
    assert [type(module) for module in net][2] is MaskedBias
    assert read_masks(net).total == 64 * 5 + 5 + 5 * 10 + 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout_kind": "half"}, "one of inverted, classic, straight_through, got 'half'"),
        ({"bias": "cut"}, "true, false or prunable, got 'cut'"),
        ({"hidden": [5, 0]}, r"hidden\[1\] must be a whole number of at least 1, got 0"),
    ],
)
def test_what_no_mlp_has_is_an_error(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mlp(**options)  # type: ignore[arg-type]
