import copy
from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.allocation.global_top import global_top
from goldpan.channels.compaction import (
    Compaction,
    _require_same_training,
    check_compactable,
    compact,
    remove,
    restore,
)
from goldpan.masks import mask_gradients, masked_layers, read_masks, write_masks
from goldpan.models.resnet import resnet20
from goldpan.models.vgg import vgg11
from goldpan.models.wide_resnet import wide_resnet
from goldpan.rounds import prune_in_rounds
from goldpan.schedules.sparsity import exponential
from goldpan.scorers.synflow import synflow

SHAPE = (3, 8, 8)
NETS: dict[str, Callable[[], nn.Module]] = {
    "vgg": partial(vgg11, 5, image_size=32, width=0.1),
    "resnet": partial(resnet20, 5, image_size=16),
    "resnet, shortcut B": partial(resnet20, 5, image_size=16, shortcut="B"),
    "wide resnet": partial(wide_resnet, 5, image_size=16, depth=10, width=1),
}
SIZES = {"vgg": 32}


def pruned(name: str, sparsity: float) -> tuple[nn.Module, tuple[int, int, int]]:
    net = NETS[name]().double()
    shape = (3, SIZES.get(name, 16), SIZES.get(name, 16))
    batch = [(torch.zeros(1, *shape), torch.zeros(1))]
    schedule = partial(exponential, target=sparsity)
    masks = prune_in_rounds(
        net, synflow, global_top, schedule, lambda _: batch, F.cross_entropy, rounds=20
    )
    write_masks(net, masks)
    return net, shape


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("sparsity", [0.9, 0.98])
def test_training_and_evaluation_are_those_of_the_whole_network(name: str, sparsity: float) -> None:
    whole, shape = pruned(name, sparsity)
    compaction = compact(copy.deepcopy(whole), shape)
    assert compaction.removed > 0.2
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(6, 8, *shape, generator=generator, dtype=torch.float64)
    for net in (whole, compaction.small):
        optimizer = torch.optim.SGD(net.parameters(), 0.1, 0.9, weight_decay=5e-4, nesterov=True)
        for x in images:
            optimizer.zero_grad()
            F.cross_entropy(net.train()(x), torch.arange(8) % 5).backward()
            mask_gradients(masked_layers(net).values())
            optimizer.step()
    full = compaction.expand()
    expected, small, got = (net.eval()(images[0]) for net in (whole, compaction.small, full))
    torch.testing.assert_close(small, expected, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(got, small, rtol=1e-12, atol=1e-12)
    assert all(torch.equal(a, b) for a, b in zip(*map(values, (full, whole)), strict=True))


def values(net: nn.Module) -> list[Tensor]:
    return list(read_masks(net).values())


def test_what_lives_cannot_be_removed_unnoticed(
    net: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(model: nn.Module, shape: object) -> dict[str, Tensor]:
        return {"1": torch.tensor([False, True, True, True, True, True])}

    monkeypatch.setattr("goldpan.channels.compaction.live_channels", wrong)
    with pytest.raises(
        ValueError, match=r"compacted network's eval logits differ by .*compact=false"
    ):
        compact(net, SHAPE)


def test_gradients_are_compared_as_well(net: nn.Module) -> None:
    """What is zero at first and would learn gives the same logits, in this case until it does."""
    net[2] = nn.GELU()  # type: ignore[index]
    masks = read_masks(net)
    masks["0.weight"][0] = False
    write_masks(net, masks)
    kept = {"1": torch.tensor([False, True, True, True, True, True])}
    with pytest.raises(ValueError, match=r"gradients of 1\.bias differ"):
        _require_same_training(remove(net, SHAPE, kept))


def test_a_channel_whose_readers_are_zero_and_not_cut_cannot_be_removed(net: nn.Module) -> None:
    with torch.no_grad():
        net[3].weight[:, 0] = 0  # type: ignore[index]
    kept = {"1": torch.tensor([False, True, True, True, True, True])}
    with pytest.raises(ValueError, match="logits differ"):
        _require_same_training(remove(net, SHAPE, kept))


def test_what_draws_random_numbers_is_refused(net: nn.Module) -> None:
    check_compactable(net, SHAPE)
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match="without dropout"):
        check_compactable(nn.Sequential(nn.Dropout(0.1), *net), SHAPE)  # type: ignore[misc]
    assert torch.equal(torch.get_rng_state(), state)


def test_a_state_restores_the_compaction() -> None:
    net, shape = pruned("resnet", 0.98)
    compaction = compact(net, shape)
    again: Compaction = restore(NETS["resnet"]().double(), compaction.state_dict())
    ours, theirs = compaction.small.state_dict(), again.small.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert again.removed == compaction.removed


def test_dense_masks_leave_all_channels(net: nn.Module) -> None:
    assert compact(net, SHAPE).removed == 0
    assert compact(nn.Sequential(nn.Flatten(), *[net[-1].__class__(192, 5)]), SHAPE).removed == 0  # type: ignore[index]
