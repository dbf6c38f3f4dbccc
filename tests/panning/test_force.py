from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from goldpan.masks import Masks, read_masks, set_masks
from goldpan.panning.force import Force, transfer
from goldpan.panning.indices import Index
from goldpan.types import Batch

Draw = Callable[[int], list[Batch]]


def cut(net: nn.Module, keep: float) -> None:
    """Keep a random share of the weights that are kept."""
    generator = torch.Generator().manual_seed(0)
    masks = read_masks(net)
    fewer = {n: m & (torch.rand(m.shape, generator=generator) < keep) for n, m in masks.items()}
    set_masks(net, Masks(fewer))


@pytest.fixture
def force(indices: tuple[Index, ...], draw: Draw) -> Force:
    return Force(indices, draw(0), F.cross_entropy, points=50)


def test_transfer_by_hand() -> None:
    """The weights 0 and 1 go from 1 + 2 to 1.5 + 4; -3 was removed, and of 4 cut before nothing."""
    then, now = torch.tensor([1.0, -2, -3, 7]), torch.tensor([-1.5, 4, 9, 9])
    before = torch.tensor([True, True, True, False])
    after = torch.tensor([True, True, False, False])
    assert transfer(then, now, before, after) == pytest.approx((5.5 - 3) / 3)


def test_a_weight_that_came_back_counts_among_the_kept() -> None:
    """Weight 0 goes, 1 comes: 5 now, 2 then; 4 was removed."""
    then, now = torch.tensor([4.0, 2.0]), torch.tensor([1.0, 5.0])
    before, after = torch.tensor([True, False]), torch.tensor([False, True])
    assert transfer(then, now, before, after) == pytest.approx(3 / 4)


def test_transfer_is_unknown_when_no_force_was_removed() -> None:
    score = torch.tensor([0.0, 1.0])
    everything, second = torch.tensor([True, True]), torch.tensor([False, True])
    assert transfer(score, score, everything, everything) is None
    assert transfer(score, score, everything, second) is None


def test_each_look_follows_the_same_weights_and_forgets_what_is_cut(
    net: nn.Module, force: Force
) -> None:
    first = force.snapshot(net, 0)
    assert [len(points) for points in first.points.values()] == [50, 50, 50]
    assert first.transfer == {"synflow": None, "snip": None, "grasp": None}
    picked = dict(force._picked)
    cut(net, 0.5)
    second = force.snapshot(net, 1)
    kept = torch.cat([mask.flatten() for mask in read_masks(net).values()])
    for index in force.indices:
        row = index(net, force.batches, F.cross_entropy)
        at = picked[index.name]
        pairs = zip(row[at].tolist(), kept[at].tolist(), strict=True)
        assert second.points[index.name] == [score if alive else None for score, alive in pairs]
    assert (second.round, second.sparsity) == (1, read_masks(net).sparsity)
    assert force.snapshots == [first, second]


def test_points_go_evenly_from_the_weakest_to_the_strongest(net: nn.Module, force: Force) -> None:
    snapshot = force.snapshot(net, 0)
    for index in force.indices:
        row = index(net, force.batches, F.cross_entropy).abs()
        points = [abs(score) for score in snapshot.points[index.name] if score is not None]
        assert points == sorted(points)
        assert (points[0], points[-1]) == (row.min().item(), row.max().item())
        middle = row.double().quantile(24 / 49).item()
        assert points[24] == pytest.approx(middle, rel=0.05)


def test_transfer_is_since_the_look_before_at_the_masked_network(
    net: nn.Module, force: Force
) -> None:
    def rows() -> dict[str, torch.Tensor]:
        return {i.name: i(net, force.batches, F.cross_entropy) for i in force.indices}

    force.snapshot(net, 0)
    cut(net, 0.5)
    then, before = rows(), torch.cat([mask.flatten() for mask in read_masks(net).values()])
    force.snapshot(net, 1)
    cut(net, 0.4)
    now, after = rows(), torch.cat([mask.flatten() for mask in read_masks(net).values()])
    snapshot = force.snapshot(net, 2)
    for name, value in snapshot.transfer.items():
        assert value == pytest.approx(transfer(then[name], now[name], before, after))


def test_fewer_weights_than_points_are_all_followed(
    net: nn.Module, indices: tuple[Index, ...], draw: Draw
) -> None:
    snapshot = Force(indices, draw(0), F.cross_entropy).snapshot(net, 0)
    assert [len(points) for points in snapshot.points.values()] == [634] * 3
