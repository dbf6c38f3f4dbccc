from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from goldpan.allocation.global_top import global_top
from goldpan.masks import Masks, read_masks
from goldpan.rounds import prune_in_rounds, shuffle
from goldpan.schedules.sparsity import exponential, one_shot
from goldpan.scorers.magnitude import magnitude
from goldpan.scorers.snip import snip
from goldpan.types import Batch


def test_each_round_keeps_what_the_schedule_says_and_weights_stay_dense(
    net: nn.Module, batch: Batch
) -> None:
    before = net.state_dict()["0.weight"].clone()
    reached: list[float] = []
    masks = prune_in_rounds(
        net,
        magnitude,
        global_top,
        lambda p: exponential(p, target=0.9),
        lambda _: [batch],
        F.cross_entropy,
        rounds=4,
        on_round=lambda done, sparsity: reached.append(sparsity),
    )
    total = masks.total
    assert reached == [1 - round(0.1 ** (k / 4) * total) / total for k in (1, 2, 3, 4)]
    assert torch.equal(net.state_dict()["0.weight"], before)


def test_inverted_magnitude_keeps_the_smallest(net: nn.Module, batch: Batch) -> None:
    def prune(invert: bool) -> Masks:
        return prune_in_rounds(
            net,
            magnitude,
            global_top,
            lambda p: one_shot(p, target=0.5),
            lambda _: [batch],
            F.cross_entropy,
            revive=True,
            invert=invert,
        )

    kept, inverted = prune(False), prune(True)
    shared = sum(int((mask & inverted[name]).sum()) for name, mask in kept.items())
    assert shared <= 1  # of an odd total
    assert kept.kept == inverted.kept


def test_shuffle_moves_masks_within_their_layer(net: nn.Module) -> None:
    masks = Masks({name: torch.rand(mask.shape) < 0.3 for name, mask in read_masks(net).items()})
    shuffled = shuffle(masks, seed=0)
    assert shuffled.layers() == masks.layers()
    assert all(not torch.equal(shuffled[name], mask) for name, mask in masks.items())
    again = shuffle(masks, seed=0)
    assert all(torch.equal(shuffled[name], again[name]) for name in masks)


def test_no_rounds_are_refused(net: nn.Module, batch: Batch) -> None:
    with pytest.raises(ValueError, match="at least one round, got 0"):
        prune_in_rounds(
            net, magnitude, global_top, lambda p: 0.5, lambda _: [batch], F.cross_entropy, rounds=0
        )


def test_scores_that_are_all_the_same_are_refused_with_the_layers_that_start_at_zero(
    net: nn.Module, batch: Batch
) -> None:
    nn.init.zeros_(net.get_parameter("8.weight"))  # as the head of torchvision's vit_b_16
    before = read_masks(net)
    with pytest.raises(ValueError, match=r"has the score 0 \(8\.weight starts at zero\)"):
        prune_in_rounds(
            net, snip, global_top, partial(one_shot, target=0.5), lambda _: [batch], F.cross_entropy
        )
    assert all(torch.equal(mask, before[name]) for name, mask in read_masks(net).items())
