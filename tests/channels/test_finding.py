import copy
import sys

import pytest
import torch
from torch import Tensor, nn

from goldpan.channels.finding import find_groups
from goldpan.layers.bounded_norm import BoundedBatchNorm2d
from goldpan.masks import UnknownLayer
from goldpan.models.resnet import resnet20
from goldpan.models.third_party import torchvision_model
from goldpan.models.vgg import vgg11

SHAPE = (3, 8, 8)


class Permuted(nn.Module):
    """Two convolutions with a norm each; their sum mixes channels that cannot be followed."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.a, self.norm_a = nn.Conv2d(channels, 4, 1), nn.BatchNorm2d(4)
        self.b, self.norm_b = nn.Conv2d(channels, 4, 1), nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.norm_a(self.a(x)), self.norm_b(self.b(x))
        logits: Tensor = self.head(a.mean((2, 3)) + b.permute(0, 2, 3, 1).mean((1, 2)))
        return logits


def test_a_chain_has_a_group_a_norm(net: nn.Module) -> None:
    first, second = find_groups(net, SHAPE)
    assert (first.name, first.size, first.norms) == ("1", 6, ("1",))
    assert (first.producers, first.consumers) == (("0",), ("3",))
    assert (second.producers, second.consumers) == (("3",), ("8",))
    assert str(second) == "8 channels of 4: from 3 to 8"


def test_a_scope_chooses_the_groups_that_it_holds() -> None:
    net = resnet20(width=0.25)
    scope = [name for name, _ in net.named_modules() if name.endswith("norm1")]
    groups = find_groups(net, SHAPE, scope)
    assert [group.name for group in groups] == scope
    assert all(group.norms == (group.name,) for group in groups)


def test_a_scope_that_cuts_through_a_group_is_refused_by_both_names() -> None:
    name = "stages.0.0.norm2"
    with pytest.raises(ValueError, match=f"{name} shrinks with stem.1, which the scope leaves out"):
        find_groups(resnet20(width=0.25), SHAPE, [name])


def test_a_scope_names_norms(net: nn.Module) -> None:
    with pytest.raises(UnknownLayer, match=r"must name BatchNorms of the model, got 0"):
        find_groups(net, SHAPE, ["0"])


def test_an_operation_that_cannot_be_followed_is_named() -> None:
    net = Permuted()
    with pytest.raises(ValueError, match=r"of 2 norms .* of norm_a, as they pass through Permute"):
        find_groups(net, SHAPE)
    with pytest.raises(ValueError, match=r"channels of norm_a must stay: .* Permute"):
        find_groups(net, SHAPE, ["norm_a"])


def test_a_shuffle_of_channels_is_named() -> None:
    """Torch-Pruning's own index maps divide by zero here; its graph is whole."""
    net = torchvision_model(10, name="shufflenet_v2_x0_5")
    with pytest.raises(ValueError, match=r"stage2\.0\.branch\d\.\d, as they pass through View"):
        find_groups(net, (3, 64, 64))


def test_other_channels_can_still_be_pruned_by_a_scope() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), Permuted(4))
    (group,) = find_groups(net, SHAPE, ["1"])
    assert group.consumers == ("2.a", "2.b")


def test_a_layer_that_is_called_twice_is_refused() -> None:
    conv = nn.Conv2d(3, 3, 1)
    net = nn.Sequential(conv, nn.BatchNorm2d(3), conv, nn.Flatten(), nn.Linear(192, 5))
    with pytest.raises(ValueError, match="0 is called more than once"):
        find_groups(net, SHAPE)


def test_a_model_that_does_not_run_on_the_shape_is_refused(net: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"cannot be traced on images of shape \(2, 8, 8\)"):
        find_groups(net, (2, 8, 8))


def test_tracing_leaves_the_model_as_it_was_and_works_without_gradients(net: nn.Module) -> None:
    net.get_parameter("0.weight").requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    with torch.no_grad():
        assert len(find_groups(net, SHAPE)) == 2
    assert net.training
    assert not net.get_parameter("0.weight").requires_grad
    assert not any(module._forward_hooks for module in net.modules())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_bounded_norms_are_norms() -> None:
    names = [group.name for group in find_groups(resnet20(norm=nn.BatchNorm2d), SHAPE)]
    bounded = find_groups(resnet20(norm=BoundedBatchNorm2d), SHAPE)
    assert [group.name for group in bounded] == names


def test_what_to_install_is_told(net: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install torch-pruning"):
        find_groups(net, SHAPE)


def test_channels_are_followed_whatever_the_layout_of_the_weights() -> None:
    net = vgg11(5, image_size=32, width=0.1)
    expected = [str(group) for group in find_groups(net, (3, 32, 32))]
    net.to(memory_format=torch.channels_last)  # as strategy=cpu and gpu leave it after a training
    assert [str(group) for group in find_groups(net, (3, 32, 32))] == expected
