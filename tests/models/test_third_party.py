import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.models.pretrained import start_of
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


def test_torchvisions_weights_are_loaded_but_for_the_classifier_and_other_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision import models

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub/checkpoints" / Path(models.SqueezeNet1_1_Weights.DEFAULT.url).name
    file.parent.mkdir(parents=True)
    whole = models.squeezenet1_1()
    torch.save(whole.state_dict(), file)
    net = torchvision_model(4, 1, 64, name="squeezenet1_1", weights="IMAGENET1K_V1")
    assert torch.equal(
        net.get_parameter("features.3.squeeze.weight"), whole.features[3].squeeze.weight
    )  # type: ignore[union-attr,arg-type]
    start = start_of(net)
    assert start is not None
    assert start.anew == ("features.0.weight", "classifier.1.weight", "classifier.1.bias")
    assert start.source == "squeezenet1_1's IMAGENET1K_V1 of torchvision"


def test_weights_that_cannot_be_had_are_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(
        ValueError, match=r"cannot be had \(.*put .*squeeze.* or leave out"
    ) as error:
        torchvision_model(4, name="squeezenet1_1", weights="IMAGENET1K_V1")
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"is one of IMAGENET1K_V1, DEFAULT; got V7"):
        torchvision_model(4, name="squeezenet1_1", weights="V7")


def test_timms_weights_are_loaded_but_for_the_classifier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import timm
    from timm.models import _builder

    whole = timm.create_model("test_resnet")
    torch.save(whole.state_dict(), tmp_path / "weights.pt")
    monkeypatch.setattr(
        _builder, "load_state_dict_from_hf", lambda *_, **__: torch.load(tmp_path / "weights.pt")
    )
    net = timm_model(4, 3, 64, name="test_resnet", pretrained=True)
    assert torch.equal(net.get_parameter("layer1.0.conv1.weight"), whole.layer1[0].conv1.weight)
    start = start_of(net)
    assert start is not None
    assert start.anew == ("fc.weight", "fc.bias")


def test_timms_weights_that_cannot_be_had_are_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from timm.models import _builder

    def fail(*_: object, **__: object) -> None:
        raise OSError("no network\nat all")

    monkeypatch.setattr(_builder, "load_state_dict_from_hf", fail)
    with pytest.raises(ValueError, match=r"test_resnet cannot be had \(no network at all\)"):
        timm_model(4, name="test_resnet", pretrained=True)


def test_pretrained_weights_and_a_scheme_exclude_each_other() -> None:
    with pytest.raises(ValueError, match=r"model.initialization stays default; got rni"):
        torchvision_model(4, name="squeezenet1_1", weights="DEFAULT", initialization="rni")
