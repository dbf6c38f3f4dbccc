"""What every architecture of goldpan promises, on small copies of each."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.models.lenet import lenet5, lenet_300_100
from goldpan.models.resnet import resnet18, resnet20, resnet50
from goldpan.models.vgg import vgg11
from goldpan.models.wide_resnet import wrn_16_8

Build = Callable[..., nn.Module]

SMALL: dict[str, Build] = {
    "lenet_300_100": lambda **more: lenet_300_100(10, 3, 16, **more),
    "lenet5": lambda **more: lenet5(10, 3, 16, **more),
    "vgg11": lambda **more: vgg11(10, 3, 16, width=0.1, bias=True, **more),
    "resnet20_a": lambda **more: resnet20(10, 3, 16, width=0.5, **more),
    "resnet20_b": lambda **more: resnet20(10, 3, 16, width=0.5, shortcut="B", **more),
    "resnet18": lambda **more: resnet18(10, 3, 16, width=0.1, stem="imagenet", **more),
    "resnet50": lambda **more: resnet50(10, 3, 16, width=0.1, **more),
    "wrn_16_8": lambda **more: wrn_16_8(10, 3, 16, width=0.5, **more),
}
everything = pytest.mark.parametrize("build", SMALL.values(), ids=SMALL.keys())


@everything
def test_all_weights_of_two_dimensions_or_more_are_masked(build: Build) -> None:
    net = build()
    masked = [m.weight for m in net.modules() if isinstance(m, MaskedConv2d | MaskedLinear)]
    assert {id(w) for w in masked} == {id(p) for p in net.parameters() if p.ndim > 1}


@everything
def test_weights_depend_on_the_seed_alone(build: Build) -> None:
    before = torch.get_rng_state()
    first, second, other = build(seed=1), build(seed=1), build(seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    pairs = list(zip(first.parameters(), second.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not any(torch.equal(a, c) for a, _, c in pairs if a.ndim > 1)


@everything
def test_gradients_can_be_differentiated_again(build: Build) -> None:
    net = build().train()
    weights = [p for p in net.parameters() if p.ndim > 1]
    loss = F.cross_entropy(net(torch.randn(4, 3, 16, 16)), torch.arange(4))
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in gradients), weights)
    assert all(h.isfinite().all() for h in second)
    assert any(h.abs().sum() > 0 for h in second)


@everything
def test_graph_is_static(build: Build) -> None:
    net, images = build().eval(), torch.randn(2, 3, 16, 16)
    traced = torch.fx.symbolic_trace(net)
    assert torch.equal(traced(images), net(images))


@everything
def test_unknown_initialization_is_refused(build: Build) -> None:
    with pytest.raises(ValueError, match=r"one of kaiming_normal, .* got 'zeros'"):
        build(initialization="zeros")


def test_torch_export_takes_a_residual_net_of_either_shortcut() -> None:
    images = torch.randn(2, 3, 16, 16)
    for shortcut in ("A", "B"):
        net = resnet20(10, 3, 16, width=0.25, shortcut=shortcut).eval()
        exported = torch.export.export(net, (images,))
        assert torch.allclose(exported.module()(images), net(images), atol=1e-6)
