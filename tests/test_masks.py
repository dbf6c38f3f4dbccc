import pytest
import torch
from torch import nn

from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.masks import (
    Masks,
    UnknownLayer,
    mask_gradients,
    mask_optimizer,
    masked_layers,
    read_masks,
    revived,
    set_masks,
    write_masks,
)


def half(net: nn.Module) -> Masks:
    return Masks({name: torch.rand(mask.shape) < 0.5 for name, mask in read_masks(net).items()})


def test_names_are_those_of_the_parameters(net: nn.Module) -> None:
    names = dict(net.named_parameters())
    assert list(masked_layers(net)) == ["0.weight", "3.weight", "8.weight"]
    assert all(names[name] is layer.weight for name, layer in masked_layers(net).items())


def test_a_layer_alone_is_a_model() -> None:
    assert list(masked_layers(MaskedLinear(2, 2))) == ["weight"]


def test_a_model_without_masked_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="swap_layers"):
        masked_layers(nn.Linear(2, 2))


def test_write_masks_zeroes_weights_and_set_masks_does_not(net: nn.Module) -> None:
    masks = half(net)
    set_masks(net, masks)
    assert revived(masked_layers(net).values()) > 0
    write_masks(net, masks)
    assert revived(masked_layers(net).values()) == 0
    assert all(torch.equal(read_masks(net)[name], mask) for name, mask in masks.items())


def test_sparsity_counts_weights_not_layers() -> None:
    masks = Masks({"a": torch.tensor([True, False, False]), "b": torch.tensor([True])})
    assert (masks.total, masks.kept, masks.sparsity) == (4, 2, 0.5)
    assert masks.layers() == {"a": pytest.approx(2 / 3), "b": 0.0}


def test_masks_of_another_model_are_refused(net: nn.Module) -> None:
    with pytest.raises(UnknownLayer, match=r"8\.weight"):
        write_masks(net, Masks(dict(list(read_masks(net).items())[:2])))
    wrong = dict(read_masks(net)) | {"8.weight": torch.ones(5, 9, dtype=torch.bool)}
    with pytest.raises(ValueError, match=r"8.weight must have shape \(5, 8\), got \(5, 9\)"):
        write_masks(net, Masks(wrong))


def test_masks_must_be_bool() -> None:
    with pytest.raises(TypeError, match="float32"):
        Masks({"a": torch.ones(2)})


def test_masks_travel_in_the_state_dict(net: nn.Module) -> None:
    write_masks(net, half(net))
    state = {name: value.clone() for name, value in net.state_dict().items()}
    expected = read_masks(net)
    write_masks(net, Masks({name: torch.ones_like(mask) for name, mask in expected.items()}))
    net.load_state_dict(state)
    assert all(torch.equal(read_masks(net)[name], mask) for name, mask in expected.items())


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adamw"])
@pytest.mark.parametrize("fused", [False, True])
def test_no_optimizer_revives_a_weight_cut_in_mid_training(
    net: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], optimizer: str, fused: bool
) -> None:
    step = {
        "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.1, fused=fused),
        "nesterov": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, fused=fused),
        "adamw": lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.1, fused=fused),
    }[optimizer](net.parameters())
    layers = list(masked_layers(net).values())

    def train() -> None:
        step.zero_grad()
        nn.functional.cross_entropy(net(batch[0]), batch[1]).backward()
        mask_gradients(layers)
        step.step()

    for _ in range(3):
        train()
    write_masks(net, half(net))
    mask_optimizer(layers, step)
    for _ in range(3):
        train()
    assert revived(layers) == 0
    assert all(layer.weight.abs().sum() > 0 for layer in layers)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_gradients_are_multiplied_by_masks_to_the_last_bit(
    layout: torch.memory_format, dtype: torch.dtype
) -> None:
    layer = MaskedConv2d(8, 6, 3).to(dtype=dtype, memory_format=layout)
    layer.mask.copy_(torch.rand(6, 8, 3, 3) < 0.5)
    gradient = torch.randn(6, 8, 3, 3, dtype=dtype)
    gradient[0, 0, 0] = torch.tensor([1e-30, -0.0, 0.0], dtype=dtype)
    layer.weight.grad = gradient.clone(memory_format=layout)
    mask_gradients([layer])
    expected = gradient * layer.mask
    assert torch.equal(layer.weight.grad, expected)
    assert torch.equal(layer.weight.grad.signbit(), expected.signbit())


def test_without_masking_the_optimizer_a_cut_weight_comes_back(
    net: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    step = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    nn.functional.cross_entropy(net(batch[0]), batch[1]).backward()
    step.step()
    write_masks(net, half(net))
    mask_gradients(masked_layers(net).values())
    step.step()
    assert revived(masked_layers(net).values()) > 1e-6
