import pytest
import torch
from torch import nn

from goldpan.channels.compaction import compact
from goldpan.channels.dead import live_channels
from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.masks import read_masks, write_masks
from goldpan.models.resnet import resnet20

SHAPE = (3, 8, 8)


def cut(net: nn.Module, **rows: tuple[object, object]) -> None:
    """Cut weights of the layers by number: (outputs, inputs), slice(None) for all."""
    masks = read_masks(net)
    for name, (outputs, inputs) in rows.items():
        masks[f"{name[1:]}.weight"][outputs, inputs] = False
    write_masks(net, masks)


def test_a_channel_that_nothing_reads_is_dead(net: nn.Module) -> None:
    cut(net, _3=(slice(None), [1, 4]))
    kept = live_channels(net, SHAPE)
    assert kept["1"].tolist() == [True, False, True, True, False, True]
    assert kept["4"].all()


def test_a_relu_in_place_is_a_relu(net: nn.Module) -> None:
    net[2] = nn.ReLU(inplace=True)  # type: ignore[index]
    cut(net, _0=([0, 2], slice(None)))
    kept = compact(net, SHAPE).kept
    assert kept["1"].tolist() == [False, True, False, True, True, True]


def test_a_channel_that_nothing_feeds_is_dead_and_starves_those_it_feeds(net: nn.Module) -> None:
    cut(net, _0=([0, 2], slice(None)), _3=(7, [1, 3, 4, 5]))  # 7 reads 0 and 2 alone
    kept = live_channels(net, SHAPE)
    assert kept["1"].tolist() == [False, True, False, True, True, True]
    assert kept["4"].tolist() == [True] * 7 + [False]


@pytest.mark.parametrize("what", ["shift", "statistics"])
def test_a_channel_that_is_not_zero_by_itself_stays(net: nn.Module, what: str) -> None:
    cut(net, _0=([0, 2], slice(None)))
    with torch.no_grad():
        getattr(net[1], {"shift": "bias", "statistics": "running_mean"}[what])[2] = 0.1  # type: ignore[index]
    assert live_channels(net, SHAPE)["1"].tolist() == [False, True, True, True, True, True]


@pytest.mark.parametrize("scale_behind", [1.0, 0.0])
def test_a_channel_that_training_would_push_from_zero_stays(
    net: nn.Module, scale_behind: float
) -> None:
    nn.init.constant_(net[4].weight, scale_behind)  # type: ignore[index,arg-type]  # timm begins so
    net[2] = nn.GELU()  # type: ignore[index]  # its slope at zero is 1/2, so the norm's shift learns
    cut(net, _0=([0, 2], slice(None)), _3=(slice(None), 5))
    kept = live_channels(net, SHAPE)["1"]
    assert kept.tolist() == [True, True, True, True, True, False]
    compact(net, SHAPE)  # which compares the gradients


def test_a_layer_that_is_all_dead_keeps_one_channel(net: nn.Module) -> None:
    cut(net, _3=(slice(None), slice(None)))
    kept = live_channels(net, SHAPE)
    assert [int(kept[name].sum()) for name in ("1", "4")] == [1, 1]


def test_a_residual_channel_goes_only_if_nothing_reads_it() -> None:
    net = resnet20(5, image_size=16, shortcut="B")
    masks = read_masks(net)
    for name, mask in masks.items():
        if name == "stem.0.weight" or (name.startswith("stages.0.") and "conv2" in name):
            mask[3] = False  # nothing feeds channel 3, to which every norm2 may add
        if name == "linear.weight":
            mask[:, 5] = False
        if name.startswith("stages.2.") and "conv1" in name and not name.startswith("stages.2.0"):
            mask[:, 5] = False  # nothing reads channel 5 of the last stage
    write_masks(net, masks)
    kept = live_channels(net, (3, 16, 16))
    assert kept["stem.1"].all()
    assert (~kept["stages.2.0.norm2"]).nonzero().flatten().tolist() == [5]
    compact(net, (3, 16, 16))


def test_a_channel_of_a_grouped_convolution_counts_as_read_and_as_fed() -> None:
    net = nn.Sequential(
        *(MaskedConv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(MaskedConv2d(4, 4, 3, groups=4), nn.Flatten(), MaskedLinear(4 * 36, 5)),
    )
    cut(net, _3=(slice(None), slice(None)))
    assert live_channels(net, SHAPE)["1"].all()


def test_weights_that_are_zero_and_not_cut_are_no_masks(net: nn.Module) -> None:
    with torch.no_grad():
        net[3].weight[:, 0] = 0  # type: ignore[index]
    assert live_channels(net, SHAPE)["1"].all()
