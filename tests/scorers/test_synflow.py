import pytest
import torch
import torch.nn.functional as F
from torch import nn

from goldpan.allocation.global_top import global_top
from goldpan.cost import check_connected, effective_sparsity
from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.masks import LayerCollapse, Masks, read_masks, set_masks
from goldpan.models.resnet import resnet18
from goldpan.models.vgg import vgg16
from goldpan.rounds import prune_in_rounds
from goldpan.schedules.sparsity import exponential
from goldpan.scorers.magnitude import magnitude
from goldpan.scorers.synflow import synflow
from goldpan.types import Scorer

ONES = (torch.ones(1, 3, 32, 32), torch.zeros(1, dtype=torch.int64))


def test_two_layers_by_hand() -> None:
    """R = |a| |b| 1: both scores are |a b|."""
    net = nn.Sequential(MaskedLinear(1, 1, bias=False), MaskedLinear(1, 1, bias=False))
    for layer, value in zip(net, (-2.0, 3.0), strict=True):
        nn.init.constant_(layer.weight, value)  # type: ignore[arg-type]
    scores = synflow(net, [(torch.zeros(4, 1), torch.zeros(4))], F.cross_entropy)
    assert [score.item() for score in scores.values()] == [6.0, 6.0]


def test_every_layer_of_a_chain_carries_the_same_flow() -> None:
    """Theorem 1 of the paper, dense and masked, on a VGG-16."""
    net = vgg16(classes=10, width=0.125)
    generator = torch.Generator().manual_seed(0)
    for keep in (1.0, 0.5):
        masks = {
            name: torch.rand(mask.shape, generator=generator) < keep
            for name, mask in read_masks(net).items()
        }
        set_masks(net, Masks(masks))
        flows = [score.sum().item() for score in synflow(net, [ONES], F.cross_entropy).values()]
        assert len(flows) == 14
        assert flows == pytest.approx([flows[0]] * 14, rel=1e-10)


def masks_at(sparsity: float, scorer: Scorer, rounds: int) -> tuple[nn.Module, Masks]:
    net = resnet18(classes=10)
    masks = prune_in_rounds(
        net,
        scorer,
        global_top,
        lambda progress: exponential(progress, target=sparsity),
        lambda _: [ONES],
        F.cross_entropy,
        rounds=rounds,
    )
    return net, masks


def test_magnitude_at_init_collapses_resnet18_at_96_8_percent() -> None:
    """Figure 6 of the paper, 10^-1.5 of the weights: chance accuracy."""
    net, masks = masks_at(0.968, magnitude, rounds=1)
    assert masks.layers()["linear.weight"] == 1
    with pytest.raises(LayerCollapse):
        check_connected(net, (3, 32, 32))


def test_synflow_does_not_collapse_where_magnitude_does() -> None:
    """Only shortcuts may be emptied, as the authors' users found (Synaptic-Flow issue 7)."""
    net, masks = masks_at(0.968, synflow, rounds=10)
    check_connected(net, (3, 32, 32))
    assert all("shortcut" in name for name, cut in masks.layers().items() if cut == 1)
    assert effective_sparsity(net, (3, 32, 32)) == pytest.approx(0.968, abs=5e-4)


def test_norms_that_cannot_be_the_identity_are_refused() -> None:
    net = nn.Sequential(MaskedConv2d(3, 4, 1), nn.GroupNorm(2, 4), nn.Flatten(), MaskedLinear(4, 2))
    batch = torch.zeros(1, 3, 1, 1), torch.zeros(1, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"needs norms that can be the identity.*1 is a GroupNorm"):
        synflow(net, [batch], F.cross_entropy)
