import sys
from collections.abc import Callable

import pytest
import torch
from torch import nn

from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.models.third_party import timm_model, torchvision_model

Build = Callable[..., nn.Module]


def test_torchvision_model_has_masked_layers_and_the_classes_asked_for() -> None:
    net = torchvision_model(5, 3, 32, name="mobilenet_v2").eval()
    kinds = {type(m) for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert kinds == {MaskedConv2d, MaskedLinear}
    assert net(torch.zeros(1, 3, 32, 32)).shape == (1, 5)


@pytest.mark.parametrize("build", [torchvision_model, timm_model])
def test_weights_depend_on_the_seed_alone(build: Build) -> None:
    name = {torchvision_model: "squeezenet1_1", timm_model: "test_resnet"}[build]
    before = torch.get_rng_state()
    first, second = build(2, name=name, seed=1), build(2, name=name, seed=1)
    other = build(2, name=name, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    a, b, c = (next(net.parameters()) for net in (first, second, other))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("name", ["squeezenet1_1", "googlenet", "vit_b_16", "maxvit_t"])
def test_torchvision_models_take_one_channel(name: str) -> None:
    with torch.device("meta"):
        net = torchvision_model(4, 1, 224, name=name).train()
        assert net(torch.zeros(2, 1, 224, 224)).shape == (2, 4)


def test_torchvision_transformers_take_the_image_size() -> None:
    with torch.device("meta"):
        net = torchvision_model(4, 3, 32, name="vit_b_16")
        assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 4)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "resnet10t"])
def test_timm_models_take_channels_and_image_size(name: str) -> None:
    net = timm_model(4, 1, 32, name=name).eval()
    assert net(torch.zeros(1, 1, 32, 32)).shape == (1, 4)


def test_own_initialization_is_replaced_when_a_scheme_is_named() -> None:
    net = timm_model(4, name="test_resnet", initialization="rni")
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all((norm.weight == 0.5).all() for norm in norms)


@pytest.mark.parametrize("build", [torchvision_model, timm_model])
def test_unknown_name_lists_close_matches(build: Build) -> None:
    with pytest.raises(ValueError, match=r"one of the \d+ names of .* close matches: .*resnet50"):
        build(name="resnet500")


def test_a_name_that_would_download_is_refused() -> None:
    with pytest.raises(ValueError, match="close matches: none"):
        timm_model(name="hf-hub:someone/something")


def test_missing_timm_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModuleNotFoundError, match="run `pip install timm`"):
        timm_model(name="resnet10t")


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (torchvision_model, "alexnet"),
        (torchvision_model, "vit_b_16"),  # refuses them when it is built
        (timm_model, "test_vit"),
    ],
)
def test_images_that_are_too_small_are_refused_in_one_sentence(build: Build, name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} takes no images of 8 x 8 .* larger") as error:
        build(4, 1, 8, name=name)
    assert "\n" not in str(error.value)


def test_images_that_fit_leave_no_trace() -> None:
    net = torchvision_model(4, 1, 8, name="resnet18")
    assert net.training
    assert not any(value for name, value in net.named_buffers() if name.endswith("_tracked"))
