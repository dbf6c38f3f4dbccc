import pytest
import torch
from torch import nn

from goldpan.layers.masked import MaskedConv2d, MaskedLinear


@pytest.mark.parametrize("layer", [MaskedConv2d(4, 6, 3, groups=2), MaskedLinear(4, 6)])
def test_a_new_layer_keeps_all_its_weights(layer: nn.Module) -> None:
    assert layer.mask.shape == layer.weight.shape
    assert layer.mask.dtype == torch.bool
    assert layer.mask.all()


def test_the_forward_pass_reads_the_weight_and_not_the_mask() -> None:
    layer = MaskedLinear(2, 1, bias=False)
    layer.mask[0, 0] = False
    images = torch.tensor([[3.0, 0.0]])
    assert layer(images).item() == pytest.approx(3 * layer.weight[0, 0].item())
    layer(images).sum().backward()
    assert layer.weight.grad.tolist() == [[3.0, 0.0]]  # what methods that grow weights read
