import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import VisionTransformer

from goldpan.cost import check_connected, cost, effective_sparsity
from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.layers.swap import swap_layers
from goldpan.masks import LayerCollapse, Masks, masked_layers, read_masks, write_masks


def test_flops_of_strides_groups_and_missing_padding_are_those_of_torch() -> None:
    net = nn.Sequential(
        MaskedConv2d(4, 8, 3, stride=2, padding=1),
        MaskedConv2d(8, 8, 3, groups=8),
        nn.Flatten(),
        MaskedLinear(8 * 3 * 3, 10),
    )
    with FlopCounterMode(display=False) as counter:
        net(torch.zeros(1, 4, 10, 10))
    assert cost(net, (4, 10, 10)).flops == counter.get_total_flops()
    by_hand = 2 * (4 * 8 * 9 * 25 + 8 * 9 * 9 + 72 * 10)
    assert cost(net, (4, 10, 10)).flops == by_hand


def test_cut_weights_cost_nothing() -> None:
    net = nn.Sequential(MaskedConv2d(1, 2, 3, bias=False), nn.Flatten(), MaskedLinear(8, 3))
    masks = dict(read_masks(net))
    masks["0.weight"] = torch.zeros(2, 1, 3, 3, dtype=torch.bool)
    masks["0.weight"][0, 0, 0, 0] = True
    write_masks(net, Masks(masks))
    spent = cost(net, (1, 4, 4))
    assert spent.flops_kept == 2 * (1 * 4 + 24)
    assert (spent.parameters, spent.parameters_kept) == (18 + 24 + 3, 1 + 24 + 3)


def test_flops_of_attention_are_those_of_its_projections_and_its_products() -> None:
    """So torchvision's ViT-B/16 has 35.1 GFLOPs, of which its layers alone have 22.5."""
    net = swap_layers(VisionTransformer(32, 8, 2, 4, 64, 128, num_classes=5))
    tokens, width, hidden = 1 + 4 * 4, 64, 128
    projections = tokens * (4 * width**2 + 2 * width * hidden)
    products = 2 * tokens**2 * width
    ends = (tokens - 1) * 3 * 8**2 * width + 5 * width
    spent = cost(net, (3, 32, 32))
    assert spent.flops == spent.flops_kept == 2 * (2 * (projections + products) + ends)
    layer = net.get_submodule("encoder.layers.encoder_layer_0.self_attention.out_proj")
    layer.mask[:, 0] = False  # no module calls this layer: attention's own function does
    assert cost(net, (3, 32, 32)).flops_kept == spent.flops - 2 * tokens * width


def test_a_network_that_looks_at_its_numbers_is_counted_too() -> None:
    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = MaskedLinear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.layer(x.flatten(1))
            return x if x.sum().item() > 1e6 else self.layer(x)  # type: ignore[no-any-return]

    assert cost(Looks(), (1, 2, 2)).flops == 2 * 2 * 16


def chain() -> nn.Module:
    return nn.Sequential(nn.Flatten(), MaskedLinear(2, 2), nn.ReLU(), MaskedLinear(2, 2))


def test_effective_sparsity_counts_weights_on_no_path() -> None:
    net = chain()
    masks = {
        "1.weight": torch.tensor([[True, True], [False, False]]),
        "3.weight": torch.tensor([[True, True], [False, False]]),
    }
    write_masks(net, Masks(masks))  # 3.weight[0, 1] leads from a unit without inputs
    assert read_masks(net).sparsity == 0.5
    assert effective_sparsity(net, (2, 1, 1)) == 1 - 3 / 8


def test_biases_are_no_inputs() -> None:
    net = chain()
    masked_layers(net)["1.weight"].bias.data.fill_(1.0)  # type: ignore[union-attr]
    masks = dict(read_masks(net)) | {"1.weight": torch.zeros(2, 2, dtype=torch.bool)}
    write_masks(net, Masks(masks))
    assert effective_sparsity(net, (2, 1, 1)) == 1
    with pytest.raises(LayerCollapse, match=r"emptied: 1\.weight"):
        check_connected(net, (2, 1, 1))


def test_every_weight_of_a_dense_network_with_max_pools_is_live() -> None:
    net = nn.Sequential(
        MaskedConv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), MaskedLinear(8, 2)
    )
    assert effective_sparsity(net, (1, 4, 4)) == 0


def test_a_deep_network_neither_overflows_nor_underflows() -> None:
    layers = [MaskedLinear(64, 64, bias=False) for _ in range(200)]
    assert effective_sparsity(nn.Sequential(nn.Flatten(), *layers), (64, 1, 1)) == 0
