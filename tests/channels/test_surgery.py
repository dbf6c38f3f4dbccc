import copy
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from goldpan.channels.finding import find_groups, trace
from goldpan.channels.surgery import plain, shrink, silence
from goldpan.layers.bounded_norm import BoundedBatchNorm2d
from goldpan.layers.masked import MaskedConv2d, MaskedLayer
from goldpan.masks import Masks, UnknownLayer, masked_layers, read_masks, write_masks
from goldpan.models.resnet import resnet18, resnet20, resnet50, resnet56
from goldpan.models.third_party import timm_model, torchvision_model
from goldpan.models.vgg import vgg16

Build = Callable[[], nn.Module]
SHAPE = (3, 32, 32)
SMALL = (3, 8, 8)

NETS: dict[str, Build] = {
    "vgg16": partial(vgg16, width=0.25),
    "vgg16 with biases": partial(vgg16, width=0.25, bias=True),
    "vgg16 bounded": partial(vgg16, width=0.25, norm=BoundedBatchNorm2d),
    "resnet20 A": resnet20,
    "resnet20 B": partial(resnet20, shortcut="B"),
    "resnet20 bounded": partial(resnet20, norm=BoundedBatchNorm2d),
    "resnet56 A": partial(resnet56, width=0.5),
    "resnet56 B": partial(resnet56, width=0.5, shortcut="B"),
    "resnet18": partial(resnet18, width=0.125, stem="imagenet"),
    "resnet50": partial(resnet50, width=0.125),
}
TORCHVISION = ["mobilenet_v2", "densenet121", "resnext50_32x4d", "googlenet", "mobilenet_v3_small"]
TIMM = ["resnet10t", "mobilenetv3_small_050", "ghostnet_050"]
OTHERS: dict[str, Build] = {
    **{name: partial(torchvision_model, 10, name=name) for name in TORCHVISION},
    **{name: partial(timm_model, 10, name=name) for name in TIMM},
}


@torch.no_grad()
def lived_in(net: nn.Module, seed: int = 0) -> nn.Module:
    """Norms with scales, biases and statistics like those of a trained network; in eval mode."""
    generator = torch.Generator().manual_seed(seed)

    def fill(tensor: Tensor | None, low: float, high: float) -> None:
        if tensor is not None:
            tensor.copy_(low + (high - low) * torch.rand(tensor.shape, generator=generator))

    for norm in net.modules():
        if isinstance(norm, _BatchNorm):
            fill(norm.weight, 0.5, 1.5)
            fill(norm.bias, -0.5, 0.5)
            fill(norm.running_mean, -0.3, 0.3)
            fill(norm.running_var, 0.5, 2.0)
    return net.eval()


def choose(net: nn.Module, sparsity: float, shape: tuple[int, ...]) -> dict[str, Tensor]:
    """Random channels, the share that sparsity leaves of each group, and at least three."""
    generator = torch.Generator().manual_seed(1)
    kept = {}
    for group in trace(net, shape).groups:
        count = max(min(3, group.size), round((1 - sparsity) * group.size))
        kept[group.name] = torch.randperm(group.size, generator=generator) < count
    return kept


def silenced(net: nn.Module, kept: dict[str, Tensor], shape: tuple[int, ...]) -> nn.Module:
    return silence(net, trace(net, shape).groups, kept)


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@torch.no_grad()
def assert_law(net: nn.Module, sparsity: float, shape: tuple[int, ...]) -> None:
    kept = choose(net, sparsity, shape)
    small, silent = shrink(net, kept, shape), silenced(net, kept, shape)
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(2))
    assert not torch.allclose(net(images), silent(images), rtol=0.01)
    assert float((small(images) - silent(images)).abs().max()) < 1e-5
    assert parameters(small) < parameters(net)


@pytest.mark.parametrize("sparsity", [0.5, 0.9])
@pytest.mark.parametrize("name", NETS)
def test_shrunk_and_silenced_logits_are_equal(name: str, sparsity: float) -> None:
    assert_law(lived_in(NETS[name]()), sparsity, SHAPE)


@pytest.mark.parametrize("sparsity", [0.5, 0.9])
@pytest.mark.parametrize("name", OTHERS)
def test_shrunk_and_silenced_logits_of_library_models_are_equal(name: str, sparsity: float) -> None:
    assert_law(lived_in(OTHERS[name]()), sparsity, (3, 64, 64))


@pytest.mark.parametrize(
    "build",
    [partial(vgg16, bias=True), partial(resnet20, shortcut="B"), resnet18, resnet50],
    ids=["vgg16", "resnet20", "resnet18", "resnet50"],
)
def test_all_groups_halved_give_the_network_of_half_the_width(build: Build) -> None:
    wide, narrow = build(width=0.25), build(width=0.125)  # type: ignore[call-arg]
    kept = {group.name: torch.arange(group.size) % 2 == 0 for group in find_groups(wide, SHAPE)}
    small = shrink(wide, kept, SHAPE)
    assert {k: v.shape for k, v in small.state_dict().items()} == {
        k: v.shape for k, v in narrow.state_dict().items()
    }


def test_uniform_halving_of_vgg16_leaves_a_quarter_of_the_parameters() -> None:
    net = vgg16(bias=True)  # as Receding Neuron Importances: 14.7 million
    small = shrink(net, choose(net, 0.5, SHAPE), SHAPE)
    assert 1 - parameters(small) / parameters(net) == pytest.approx(0.750, abs=5e-4)


def test_halving_inside_the_blocks_of_resnet56_leaves_half_of_the_parameters() -> None:
    net = resnet56()
    scope = [name for name, _ in net.named_modules() if name.endswith("norm1")]
    groups = find_groups(net, SHAPE, scope)
    assert (len(groups), sum(group.size for group in groups)) == (27, 1008)
    kept = {group.name: torch.arange(group.size) % 2 == 0 for group in groups}
    small = shrink(net, kept, SHAPE)
    halved = [p for name, p in net.named_parameters() if "conv" in name or "norm1" in name]
    assert parameters(net) - parameters(small) == sum(p.numel() for p in halved) // 2


def test_sizes_of_layers_are_those_of_their_weights() -> None:
    net = lived_in(torchvision_model(10, name="mobilenet_v2"))
    small = shrink(net, choose(net, 0.5, SHAPE), SHAPE)
    for layer in small.modules():
        if isinstance(layer, nn.Conv2d):
            inputs = layer.in_channels // layer.groups
            assert layer.weight.shape[:2] == (layer.out_channels, inputs)
        elif isinstance(layer, nn.Linear):
            assert layer.weight.shape == (layer.out_features, layer.in_features)
        elif isinstance(layer, nn.BatchNorm2d):
            assert layer.weight.shape == layer.running_var.shape == (layer.num_features,)  # type: ignore[union-attr]


def test_every_parameter_moves_in_one_step_after_shrinking() -> None:
    net = resnet20(norm=BoundedBatchNorm2d)
    small = shrink(net, choose(net, 0.5, SHAPE), SHAPE).train()
    assert all(p.is_leaf and p.requires_grad and p.grad is None for p in small.parameters())
    before = copy.deepcopy(small.state_dict())
    optimizer = torch.optim.SGD(small.parameters(), lr=0.1)
    nn.functional.cross_entropy(small(torch.randn(8, *SHAPE)), torch.arange(8)).backward()
    optimizer.step()
    for name, parameter in small.named_parameters():
        assert not torch.equal(before[name], parameter), name


def test_masks_of_weights_shrink_with_their_weights() -> None:
    net = lived_in(vgg16(width=0.25))
    generator = torch.Generator().manual_seed(3)
    masks = {k: torch.rand(v.shape, generator=generator) < 0.5 for k, v in read_masks(net).items()}
    write_masks(net, Masks(masks))
    assert_law(net, 0.5, SHAPE)
    kept = choose(net, 0.5, SHAPE)
    small = masked_layers(shrink(net, kept, SHAPE))
    expected = masks["features.3.weight"][kept["features.4"]][:, kept["features.1"]]
    assert torch.equal(small["features.3.weight"].mask, expected)
    assert all(torch.equal(layer.weight != 0, layer.mask) for layer in small.values())


def test_flattened_pixels_go_with_their_channel() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5)
    )
    kept = {"1": torch.tensor([True, False, False, True])}
    assert shrink(lived_in(net), kept, SMALL)[4].weight.shape == (5, 2 * 36)  # type: ignore[index]


def test_groups_of_a_grouped_convolution_go_whole() -> None:
    net = nn.Sequential(
        *(nn.Conv2d(3, 6, 1), nn.BatchNorm2d(6), nn.Conv2d(6, 9, 1, groups=3), nn.BatchNorm2d(9)),
        *(nn.Flatten(), nn.Linear(9 * 64, 5)),
    )
    small = shrink(lived_in(net), {"1": torch.tensor([True, False, True])}, SMALL)
    conv = small.get_submodule("2")
    assert isinstance(conv, nn.Conv2d)
    assert (conv.in_channels, conv.out_channels, conv.groups) == (4, 6, 2)
    assert conv.weight.shape == (6, 2, 1, 1)


def test_groups_that_are_not_named_stay_whole(net: nn.Module) -> None:
    small = shrink(net, {"1": torch.arange(6) < 2}, SMALL)
    assert [p.shape[0] for p in small.parameters() if p.dim() > 1] == [2, 8, 5]


def test_the_given_model_is_untouched(net: nn.Module) -> None:
    before = copy.deepcopy(net.state_dict())
    for surgery in (shrink, silenced):
        surgery(net, {"1": torch.arange(6) < 2}, SMALL)
    plain(net)
    after = net.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert isinstance(net[0], MaskedConv2d)  # type: ignore[index]


@pytest.mark.parametrize("bias", [False, True])
def test_silent_channels_return_exactly_zero(bias: bool) -> None:
    bounded = BoundedBatchNorm2d(4, bias=bias)
    net = lived_in(nn.Sequential(nn.Conv2d(3, 4, 1), bounded, nn.Flatten(), nn.Linear(256, 5)))
    silent = silenced(net, {"1": torch.arange(4) < 3}, SMALL)
    images = torch.randn(2, *SMALL)
    channels, before = silent[:2](images), net[:2](images)  # type: ignore[index]
    assert channels[:, 3].abs().max() == 0
    assert torch.allclose(channels[:, :3], before[:, :3], atol=1e-6)


def test_a_norm_without_scale_can_be_silent() -> None:
    norm = nn.BatchNorm2d(4, affine=False)
    net = nn.Sequential(nn.Conv2d(3, 4, 1), norm, nn.Flatten(), nn.Linear(256, 5)).eval()
    silent = silenced(net, {"1": torch.arange(4) < 3}, SMALL)
    assert silent[:2](torch.randn(2, *SMALL))[:, 3].abs().max() == 0  # type: ignore[index]
    assert shrink(net, {"1": torch.arange(4) < 3}, SMALL)[1].num_features == 3  # type: ignore[index]


def test_a_norm_that_cannot_be_silent_makes_no_smaller_network() -> None:
    """Behind a sigmoid a silent channel returns 1/2, which a removed one does not."""
    net = lived_in(
        nn.Sequential(
            *(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Sigmoid(), nn.Flatten()), nn.Linear(256, 5)
        )
    )
    with pytest.raises(ValueError, match=r"logits differ by .* from those of the large one"):
        shrink(net, {"1": torch.arange(4) < 3}, SMALL)


def test_a_network_that_does_not_run_when_shrunk_is_refused() -> None:
    class Counted(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = super().forward(x + torch.zeros(1, 4, 1, 1))  # type: ignore[no-untyped-call]
            return logits

    head = Counted(nn.Flatten(), nn.Linear(256, 5))
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), head)
    with pytest.raises(ValueError, match="the shrunk network does not run"):
        shrink(net, {"1": torch.arange(4) < 3}, SMALL)


@pytest.mark.parametrize(
    ("kept", "error", "sentence"),
    [
        ({"0": torch.ones(6)}, UnknownLayer, "0 names no group of channels; the model's groups: 1"),
        ({"1": torch.ones(6)}, TypeError, "must be bool, got torch.float32"),
        ({"1": torch.ones(5) > 0}, ValueError, r"must have shape \(6,\), got \(5,\)"),
        ({"1": torch.ones(6) < 0}, ValueError, "1 would lose all its 6 channels"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    net: nn.Module, kept: dict[str, Tensor], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        shrink(net, kept, SMALL)


def test_a_norm_that_does_not_lead_is_told_who_does() -> None:
    with pytest.raises(
        UnknownLayer, match=r"stages\.0\.0\.norm2 shrinks with stem\.1, which names"
    ):
        shrink(resnet20(), {"stages.0.0.norm2": torch.ones(16) > 0}, SHAPE)


@torch.no_grad()
def test_a_plain_network_holds_no_class_of_ours_and_computes_the_same() -> None:
    images = torch.randn(2, *SHAPE)
    masked, bounded = lived_in(resnet20()), lived_in(resnet20(norm=BoundedBatchNorm2d))
    masks = {name: torch.rand(mask.shape) < 0.5 for name, mask in read_masks(masked).items()}
    write_masks(masked, Masks(masks))
    for net in (masked, bounded):
        layers = [type(layer) for layer in plain(net).modules()]
        assert not {MaskedLayer, BoundedBatchNorm2d} & set(layers)
        assert not [kind for kind in layers if issubclass(kind, MaskedLayer)]
        assert not [name for name in plain(net).state_dict() if name.endswith("mask")]
    assert torch.equal(plain(masked)(images), masked(images))
    assert torch.allclose(plain(bounded)(images), bounded(images), rtol=0, atol=1e-6)
