import copy
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from goldpan.channels import export
from goldpan.channels.export import architecture, export_onnx, export_program, rebuild
from goldpan.channels.finding import trace
from goldpan.channels.surgery import plain, shrink
from goldpan.layers.bounded_norm import BoundedBatchNorm2d
from goldpan.masks import Masks, read_masks, write_masks
from goldpan.models.resnet import resnet18, resnet20, resnet50, resnet56
from goldpan.models.third_party import timm_model, torchvision_model
from goldpan.models.vgg import vgg16

Build = Callable[[], nn.Module]
SHAPE = (3, 32, 32)

NETS: dict[str, Build] = {
    "vgg16": partial(vgg16, width=0.25),
    "resnet20": partial(resnet20, norm=BoundedBatchNorm2d),
}
SLOW: dict[str, Build] = {
    "resnet56 A": resnet56,
    "resnet56 B": partial(resnet56, shortcut="B"),
    "resnet18": partial(resnet18, width=0.25),
    "resnet50": partial(resnet50, width=0.25),
    "mobilenet_v2": partial(torchvision_model, 10, name="mobilenet_v2"),
    "densenet121": partial(torchvision_model, 10, name="densenet121"),
    "resnet10t": partial(timm_model, 10, name="resnet10t"),
    "mobilenetv3_small_050": partial(timm_model, 10, name="mobilenetv3_small_050"),
}


@torch.no_grad()
def shrunk(net: nn.Module, shape: tuple[int, ...] = SHAPE) -> nn.Module:
    """The network with a random half of each group's channels, after some batches went through."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        net.train()(torch.randn(4, *shape, generator=generator))
    kept = {
        group.name: torch.randperm(group.size, generator=generator) < (group.size + 1) // 2
        for group in trace(net, shape).groups
    }
    return shrink(net, kept, shape)


@pytest.mark.parametrize("name", NETS)
def test_exports_of_shrunk_networks_have_their_logits(name: str, tmp_path: Path) -> None:
    assert_exports(NETS[name](), SHAPE, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_exports_of_other_shrunk_networks_have_their_logits(name: str, tmp_path: Path) -> None:
    assert_exports(SLOW[name](), (3, 64, 64), tmp_path)


def assert_exports(net: nn.Module, shape: tuple[int, ...], folder: Path) -> None:
    small = shrunk(net, shape)
    onnx, program = folder / "net.onnx", folder / "net.pt2"
    assert export_onnx(small, onnx, shape) < 1e-5
    assert export_program(small, program, shape) < 1e-5
    assert sorted(folder.iterdir()) == [onnx, program]

    images = torch.randn(1, *shape)  # a batch size that no export has seen
    with torch.no_grad():
        expected = plain(small).eval()(images)
        loaded = torch.export.load(program).module()(images)
    session = sys.modules["onnxruntime"].InferenceSession(onnx)
    assert [(i.name, i.shape[1:]) for i in session.get_inputs()] == [("images", list(shape))]
    (logits,) = session.run(["logits"], {"images": images.numpy()})
    assert torch.allclose(torch.from_numpy(logits), expected, atol=1e-5)
    assert torch.allclose(loaded, expected, atol=1e-5)


def test_an_export_that_computes_something_else_is_not_kept(
    net: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PARITY", -1.0)
    path = tmp_path / "net.pt2"
    path.write_text("an earlier one")
    with pytest.raises(ValueError, match=r"logits may differ by -1\.0, they do by"):
        export_program(net, path, (3, 8, 8))
    assert [file.read_text() for file in tmp_path.iterdir()] == ["an earlier one"]


@pytest.mark.parametrize("write", [export_program, export_onnx])
def test_the_end_of_the_path_says_what_is_written(
    net: nn.Module, tmp_path: Path, write: Callable[..., float]
) -> None:
    with pytest.raises(ValueError, match=r"the path must end in \.(pt2|onnx), got .*net\.bin"):
        write(net, tmp_path / "net.bin", (3, 8, 8))


def test_what_to_install_is_told(
    net: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match=r"onnxruntime: pip install .goldpan\[export\]"):
        export_onnx(net, tmp_path / "net.onnx", (3, 8, 8))


def test_exporting_leaves_the_model_as_it_was(net: nn.Module, tmp_path: Path) -> None:
    before = copy.deepcopy(net.state_dict())
    export_program(net.train(), tmp_path / "net.pt2", (3, 8, 8))
    assert net.training
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_an_architecture_names_layers_types_and_sizes(net: nn.Module) -> None:
    assert list(architecture(net)) == ["0", "1", "3", "4", "8"]
    assert architecture(net)["0"] == {
        "type": "MaskedConv2d",
        "in_channels": 3,
        "out_channels": 6,
        "groups": 1,
    }
    assert architecture(nn.LayerNorm(4)) == {
        "": {"type": "LayerNorm", "shapes": {"weight": [4], "bias": [4]}}
    }


@pytest.mark.parametrize(
    "build",
    [
        partial(vgg16, width=0.25, norm=BoundedBatchNorm2d, bias=True),
        resnet20,
        partial(torchvision_model, 10, name="mobilenet_v2"),
        partial(timm_model, 10, name="resnext26ts"),
    ],
    ids=["vgg16", "resnet20", "mobilenet_v2", "resnext26ts"],
)
def test_a_shrunk_network_is_built_again_from_json_and_its_state(build: Build) -> None:
    small = shrunk(build())
    again = rebuild(build, json.loads(json.dumps(architecture(small))))
    again.load_state_dict(small.state_dict())
    assert architecture(again) == architecture(small)
    images = torch.randn(2, *SHAPE)
    with torch.no_grad():
        assert torch.equal(again.eval()(images), small.eval()(images))
    assert all(p.requires_grad and p.is_leaf for p in again.parameters())


def test_what_stays_dense_keeps_its_weights_and_what_shrinks_keeps_all_connections(
    net: nn.Module,
) -> None:
    wanted = architecture(net)
    wanted["1"]["num_features"] = wanted["0"]["out_channels"] = wanted["3"]["in_channels"] = 2
    again = rebuild(lambda: copy.deepcopy(net), wanted)
    masks = [mask for name, mask in again.named_buffers() if name.endswith("mask")]
    assert [tuple(mask.shape) for mask in masks] == [(2, 3, 3, 3), (8, 2, 3, 3), (5, 8)]
    assert all(bool(mask.all()) for mask in masks)
    assert torch.equal(again.get_parameter("8.weight"), net.get_parameter("8.weight"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"0": {"type": "Conv2d"}}, "0 must be {'type': 'Conv2d'}, the built model has"),
        ({"9": {"type": "Linear"}}, "must name the same layers; only one has 9"),
    ],
)
def test_another_network_is_refused(
    net: nn.Module, change: dict[str, dict[str, str]], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        rebuild(lambda: net, architecture(net) | change)


def test_an_unshrinkable_layer_of_other_sizes_is_refused() -> None:
    def build(size: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.LayerNorm(size))

    with pytest.raises(ValueError, match=r"1 must be .*the built model has"):
        rebuild(partial(build, 4), architecture(build(5)))


def test_masked_weights_stay_masked_in_an_export(net: nn.Module, tmp_path: Path) -> None:
    masks: dict[str, Tensor] = {n: torch.rand(m.shape) < 0.5 for n, m in read_masks(net).items()}
    write_masks(net, Masks(masks))
    assert export_program(net, tmp_path / "net.pt2", (3, 8, 8)) < 1e-6
    state = torch.export.load(tmp_path / "net.pt2").state_dict
    assert not [name for name in state if name.endswith("mask")]
    assert all(int(state[name].count_nonzero()) == int(mask.sum()) for name, mask in masks.items())
