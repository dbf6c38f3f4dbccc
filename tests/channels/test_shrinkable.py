import pytest
import torch
from torch import Tensor, nn

from goldpan.channels.shrinkable import clear, cut, inputs_of, sizes
from goldpan.layers.bounded_norm import BoundedBatchNorm2d
from goldpan.layers.masked import MaskedConv2d


def bools(*values: int) -> Tensor:
    return torch.tensor(values) > 0


def test_a_layer_counts_its_channels_in_its_own_attributes() -> None:
    conv = nn.Conv2d(4, 6, 3, groups=2)
    assert sizes(conv) == {"in_channels": 4, "out_channels": 6, "groups": 2}
    assert sizes(nn.Linear(3, 5)) == {"in_features": 3, "out_features": 5}
    assert sizes(BoundedBatchNorm2d(7)) == {"num_features": 7}
    assert sizes(nn.LayerNorm(4)) == {}


def test_a_layer_with_an_unknown_tensor_cannot_shrink() -> None:
    layer = nn.Linear(3, 5)
    assert inputs_of(layer) == 3
    layer.register_buffer("gain", torch.ones(5))
    assert inputs_of(layer) is None
    assert inputs_of(nn.LayerNorm(4)) is None


def test_a_convolution_keeps_the_rows_and_columns_that_are_true() -> None:
    conv = MaskedConv2d(3, 4, 1)
    weight, bias = conv.weight.detach().clone(), conv.bias
    cut(conv, bools(1, 0, 1), bools(0, 1, 0, 1))
    assert sizes(conv) == {"in_channels": 2, "out_channels": 2, "groups": 1}
    assert torch.equal(conv.weight, weight[[1, 3]][:, [0, 2]])
    assert bias is not None
    assert torch.equal(conv.bias, bias[[1, 3]])  # type: ignore[arg-type]
    assert conv.mask.shape == conv.weight.shape


def test_a_grouped_convolution_loses_whole_groups() -> None:
    conv = nn.Conv2d(6, 9, 1, groups=3)
    weight = conv.weight.detach().clone()
    cut(conv, bools(1, 1, 0, 0, 1, 1), bools(1, 1, 1, 0, 0, 0, 1, 1, 1))
    assert sizes(conv) == {"in_channels": 4, "out_channels": 6, "groups": 2}
    assert torch.equal(conv.weight, weight[[0, 1, 2, 6, 7, 8]])


def test_a_cleared_layer_holds_zeros_and_a_mask_that_keeps_all() -> None:
    conv = MaskedConv2d(4, 4, 3, groups=4).requires_grad_(False)
    clear(conv, {"in_channels": 2, "out_channels": 2, "groups": 2})
    assert conv.weight.shape == conv.mask.shape == (2, 1, 3, 3)
    assert not conv.weight.any()
    assert not conv.weight.requires_grad
    assert conv.mask.all()


def test_a_layer_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match=r"only Conv2d, .* can shrink, got LayerNorm"):
        cut(nn.LayerNorm(4), None, bools(1, 0, 1, 1))
