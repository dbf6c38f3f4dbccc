"""Cost, compacting and shrinking of a network of the user's own."""

import pytest
import torch
from torch import Tensor, nn

import goldpan as gp
from goldpan.types import Batch


def test_cost_counts_what_is_cut_and_what_is_dead(
    plain_net: nn.Module, batches: list[Batch]
) -> None:
    x = batches[0][0]
    dense = gp.count_cost(plain_net, x)
    assert (
        dense.parameters == dense.parameters_kept == sum(p.numel() for p in plain_net.parameters())
    )
    assert dense.flops == dense.flops_kept
    assert (dense.sparsity, dense.effective) == (0, 0)
    assert not any(hasattr(layer, "mask") for layer in plain_net)  # it was a copy
    masks = gp.prune(plain_net, "snip", 0.9, batches=batches)
    pruned = gp.count_cost(plain_net, x)
    assert pruned == gp.count_cost(gp.plain(plain_net), x)
    assert pruned.parameters - pruned.parameters_kept == masks.total - masks.kept
    assert pruned.effective is not None
    assert pruned.effective >= pruned.sparsity == masks.sparsity
    with pytest.raises(TypeError, match=r"example is a batch of images, .*; got \(8,\)"):
        gp.count_cost(plain_net, torch.zeros(8))


def test_compacting_leaves_the_logits(plain_net: nn.Module, batches: list[Batch]) -> None:
    gp.prune(plain_net, "snip", 0.95, batches=batches)
    small = gp.compact(plain_net, batches[0][0])
    x = batches[0][0]
    assert torch.allclose(small.eval()(x), plain_net.eval()(x), atol=1e-5)
    assert _parameters(small) < _parameters(plain_net)
    assert small[10].p == 0.5  # dropout is as it was
    with pytest.raises(ValueError, match="has no masks"):
        gp.compact(gp.plain(plain_net), x)


@pytest.mark.parametrize("name", ["slimming", "uniform", "when_to_prune"])
def test_shrinking_by_a_method_of_conf(name: str, plain_net: nn.Module) -> None:
    x = torch.zeros(1, 1, 8, 8)
    for norm in (plain_net[1], plain_net[4]):
        torch.nn.init.uniform_(norm.weight)
    small = gp.shrink(plain_net, x, 0.5, name)
    assert small[0].out_channels + small[3].out_channels <= 9
    assert small(torch.zeros(2, 1, 8, 8)).shape == (2, 4)


def test_shrinking_by_an_importance_of_ones_own(plain_net: nn.Module) -> None:
    asked: list[str] = []

    def first_best(name: str, layer: nn.Module) -> Tensor:
        asked.append(name)
        return -torch.arange(8.0)

    small = gp.shrink(plain_net, torch.zeros(1, 1, 8, 8), 0.5, first_best)
    assert {*asked} == {"0", "3"}
    assert torch.equal(small[0].weight, plain_net[0].weight[:4])
    flops = gp.count_cost(plain_net, torch.zeros(1, 1, 8, 8)).flops
    less = gp.shrink(plain_net, torch.zeros(1, 1, 8, 8), 0.5, first_best, target="flops", floor=1)
    assert gp.count_cost(less, torch.zeros(1, 1, 8, 8)).flops <= flops / 2


def test_what_cannot_be_shrunk_is_refused(plain_net: nn.Module) -> None:
    x = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match=r"snip cuts weights, not channels; gp\.prune"):
        gp.shrink(plain_net, x, 0.5, "snip")
    with pytest.raises(ValueError, match="sparsity is "):
        gp.shrink(plain_net, x, 1.5)
    with pytest.raises(TypeError, match=r"importance of 0 is a tensor of shape \(8,\); got float"):
        gp.shrink(plain_net, x, 0.5, lambda name, layer: 1.0)  # type: ignore[arg-type,return-value]
    with pytest.raises(ValueError, match=r"taylor scores channels by images, and gp\.shrink sees"):
        gp.shrink(plain_net, x, 0.5, "taylor")
    with pytest.raises(ValueError, match="removes no channel"):
        gp.shrink(plain_net, x, 0.01, "when_to_prune")


def _parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())
