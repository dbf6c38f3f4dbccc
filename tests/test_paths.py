from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from goldpan.cost import check_connected, effective_sparsity, live_paths
from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.masks import Masks, read_masks, write_masks
from goldpan.models.third_party import timm_model, torchvision_model

SHAPE = (3, 32, 32)
TRANSFORMERS = [(torchvision_model, "swin_t"), (torchvision_model, "vit_b_32")]


def cut(net: nn.Module, *names: str) -> None:
    """Cut all of these weights."""
    write_masks(net, Masks({n: m & (n not in names) for n, m in read_masks(net).items()}))


def dead(net: nn.Module, shape: tuple[int, int, int] = SHAPE) -> set[str]:
    """The weights of which some are kept and dead."""
    live = live_paths(net, shape)
    assert live is not None
    return {name for name, mask in read_masks(net).items() if (mask & ~live[name]).any()}


@pytest.mark.parametrize(("library", "name"), TRANSFORMERS)
def test_a_dense_transformer_is_alive(library: Callable[..., nn.Module], name: str) -> None:
    assert effective_sparsity(library(10, 3, 64, name=name), (3, 64, 64)) == 0


def test_a_dense_network_with_layer_norms_is_connected() -> None:
    net = timm_model(10, 3, 32, name="convnext_atto")
    check_connected(net, SHAPE)
    # Its depthwise kernels of 7 x 7 see maps of 2 x 2 and 1 x 1 in the last two stages.
    assert all("conv_dw" in name for name in dead(net))


class Block(nn.Module):
    """x + second(norm(first(x))), on one pixel."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.stem, self.first, self.second = (MaskedConv2d(n, 4, 1) for n in (3, 4, 4))
        self.norm, self.head = norm, MaskedLinear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        out: Tensor = self.second(nn.functional.gelu(self.norm(self.first(x))))
        out += x
        logits: Tensor = self.head(out.mean((2, 3)))
        return logits


@pytest.mark.parametrize("norm", [nn.GroupNorm(2, 4), nn.BatchNorm2d(4), nn.Identity()])
def test_a_branch_is_dead_behind_a_cut_and_the_skip_is_not(norm: nn.Module) -> None:
    net = Block(norm)
    assert dead(net) == set()
    cut(net, "second.weight")
    assert dead(net) == {"first.weight"}
    check_connected(net, SHAPE)


class Gated(nn.Module):
    """head(x * sigmoid(gate(x)))."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gate, self.head = MaskedLinear(3, 4), MaskedLinear(4, 4), MaskedLinear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x.flatten(1))
        logits: Tensor = self.head(x * torch.sigmoid(self.gate(x)))
        return logits


def test_a_gate_that_is_cut_stays_open() -> None:
    net = Gated()
    cut(net, "gate.weight")
    assert dead(net, (3, 1, 1)) == set()
    cut(net, "stem.weight")
    assert effective_sparsity(net, (3, 1, 1)) == 1


class Training(nn.Module):
    """Has a head that evaluation does not use, and takes a constant that is no input."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head, self.auxiliary = (MaskedLinear(n, 3) for n in (3, 3, 3))
        self.position = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x.flatten(1)) + self.position
        logits: Tensor = self.head(x)
        return logits + self.auxiliary(x) if self.training else logits


def test_weights_that_only_training_uses_count_as_alive() -> None:
    assert effective_sparsity(Training(), (3, 1, 1)) == 0


def test_a_constant_is_no_input() -> None:
    net = Training()
    cut(net, "stem.weight")
    assert effective_sparsity(net, (3, 1, 1)) == 1


class Sorted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = MaskedLinear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(x.flatten(1).sort().values)
        return logits


def test_of_an_unknown_operation_nothing_is_said() -> None:
    assert live_paths(Sorted(), (3, 1, 1)) is None
    check_connected(Sorted(), (3, 1, 1))  # nor is it called collapsed
    with pytest.raises(ValueError, match="not known for the operations of Sorted"):
        effective_sparsity(Sorted(), (3, 1, 1))
