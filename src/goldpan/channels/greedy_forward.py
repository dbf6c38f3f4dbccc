"""Greedy forward selection: start from an empty layer and add the unit that lowers the loss most.

M. Ye et al., Good Subnetworks Provably Exist: Pruning via Greedy Forward Selection, ICML 2020,
arXiv 2003.01794; for two-layer networks f(x) = 1/N sum of a_i s(w_i x), after a short training,
C. Wolfe et al., How Much Pre-training Is Enough to Discover a Good Subnetwork?, TMLR 2024, arXiv
2108.00259. With f_S the mean over the picks so far, N a_i s(w_i x) each, the k-th pick is

    argmin over i of  L( (k - 1)/k f_S + 1/k N a_i s(w_i x) ),

so a unit that is picked c times of k counts N c / k. Units may be picked again; with repeat=False,
as in the code of Ye et al., they may not, and then all |S| kept units count N / |S|. These factors
go into the weights that read the kept units, before the fine-tuning.

*Interpretation*, where papers and code are silent, or say it of something else: the loss is the
recipe's, on the batches of `method.channels.sampling` together; the bias behind the units, if
there is one, is always there; a sub-network of W units has the picks before the first of another
unit. Other channels than the hidden units of one layer are picked alike, with the norms in eval
mode. *Differs from the code of Ye et al.:* each layer is picked while all others are whole, theirs
picks behind layers that are pruned; sparsity says how many units stay, theirs stops by accuracy.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from goldpan.channels.choosing import WeighedScores
from goldpan.channels.groups import ChannelGroup
from goldpan.channels.scaling import readers_of, scaled_weights
from goldpan.gradients import mean_loss, mode, removing
from goldpan.stream import stream
from goldpan.types import Batch, Loss

Losses = Callable[[Tensor, Tensor], Tensor]
"""How often each unit was picked (size,), units (M,) -> (M,): the loss with one more of each."""


class Picks(WeighedScores):
    """Scores by the order in which units were first picked: 1 the first, 1 / size the last.

    Args:
        orders: group name -> the units in the order of picks, each at least once.
    """

    def __init__(self, orders: Mapping[str, Sequence[int]]) -> None:
        super().__init__({name: _scores(order) for name, order in orders.items()})
        self.orders = dict(orders)

    def scales(self, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """N c / k of each kept unit, 0 of the others; all 1 in a layer that stays whole."""
        return {name: factors(self.orders[name], keep.cpu()) for name, keep in kept.items()}


def greedy_forward(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    batches: Sequence[Batch],
    loss: Loss,
    *,
    repeat: bool = True,
    picks: int | None = None,
    candidates: int | None = None,
) -> Picks:
    """Score the channels of each group, (size,), by the order in which they are picked.

    Args:
        repeat: whether a unit may be picked again.
        picks: how many there are, at most; None is as many as the group has channels. Units that no
            pick took come last, in the order of the loss with each of them added.
        candidates: so many random units are tried in each pick, 50 in the code of Ye et al.; None
            tries all.
    """
    device = next(model.parameters()).device
    images, labels = (torch.cat([batch[part] for batch in batches]).to(device) for part in (0, 1))
    orders = {}
    for group in groups:
        losses = losses_of(model, group, (images, labels), loss)
        draw = stream("greedy_forward", group.name)
        limit = group.size if picks is None else picks
        orders[group.name] = pick(losses, group.size, limit, repeat, candidates, draw)
    return Picks(orders)


def pick(
    losses: Losses,
    size: int,
    picks: int,
    repeat: bool = True,
    candidates: int | None = None,
    draw: torch.Generator | None = None,
) -> list[int]:
    """The units in the order of picks, then those that none took; ties by index."""
    counts, order = torch.zeros(size), list[int]()
    while len(order) < picks and (counts == 0).any():
        units = torch.arange(size) if repeat else (counts == 0).nonzero().flatten()
        if candidates is not None:
            chosen = torch.randperm(len(units), generator=draw)[:candidates]
            units = units[chosen.sort().values]
        best = int(units[losses(counts, units).argmin()])
        counts[best] += 1
        order.append(best)
    rest = (counts == 0).nonzero().flatten()
    if len(rest):
        order += rest[losses(counts, rest).argsort(stable=True)].tolist()
    return order


def factors(order: Sequence[int], kept: Tensor) -> Tensor:
    """N c / k of each kept unit, 0 of the others, (size,); all 1 if all are kept.

    The picks that count are those before the first that is not kept; a kept unit that is not among
    them, as where a floor keeps more, counts as picked once.
    """
    if kept.all():
        return torch.ones(len(kept))
    counts = torch.zeros(len(kept))
    for unit in order:
        if not kept[unit]:
            break
        counts[unit] += 1
    counts[kept & (counts == 0)] = 1
    return len(kept) * counts / counts.sum()


@torch.no_grad()
def losses_of(model: nn.Module, group: ChannelGroup, batch: Batch, loss: Loss) -> Losses:
    """The losses of sub-networks of a group's channels, all else whole."""
    linear = _linear_reader(model, group, batch[0])
    if linear is None:
        return partial(_losses_by_passes, model, group, batch, loss)
    return partial(_losses_of_last, *linear, batch[1], loss)


def _scores(order: Sequence[int]) -> Tensor:
    first = list(dict.fromkeys(order))
    scores = torch.empty(len(first))
    scores[first] = 1 - torch.arange(len(first)) / len(first)
    return scores


def _linear_reader(
    model: nn.Module, group: ChannelGroup, images: Tensor
) -> tuple[Tensor, nn.Linear] | None:
    """What the units are for these images, (B, size), and the linear layer that makes logits of
    them; None if they are not the inputs of such a layer."""
    names, calls = readers_of(model, group), list[tuple[Tensor, Tensor]]()
    layer = model.get_submodule(names[0])
    whole = torch.arange(group.size)
    if len(names) > 1 or not isinstance(layer, nn.Linear):
        return None
    if not torch.equal(group.places[names[0], "in"].cpu(), whole):
        return None
    hook = layer.register_forward_hook(lambda _, given, made: calls.append((given[0], made)))
    with removing([hook]), mode(model, training=False):
        logits = model(images)
    (units, made), *more = calls
    return (units, layer) if not more and made is logits else None


@torch.no_grad()
def _losses_of_last(
    units: Tensor, layer: nn.Linear, labels: Tensor, loss: Loss, counts: Tensor, tried: Tensor
) -> Tensor:
    """The losses where the logits are linear in the units: each is a sum of rank one."""
    size, total = units.shape[1], float(counts.sum()) + 1
    before = (units * (counts.to(units) * size / total)) @ layer.weight.T
    if layer.bias is not None:
        before = before + layer.bias
    weights, values = layer.weight.T * size / total, units.T[:, :, None]
    found = [loss(before + values[unit] * weights[unit], labels) for unit in tried.tolist()]
    return torch.stack(found).cpu()


@torch.no_grad()
def _losses_by_passes(
    model: nn.Module, group: ChannelGroup, batch: Batch, loss: Loss, counts: Tensor, tried: Tensor
) -> Tensor:
    """The losses by a forward pass for each unit."""
    found = []
    for unit in tried.tolist():
        more = counts.clone()
        more[unit] += 1
        weights = scaled_weights(model, group, group.size * more / more.sum())
        found.append(mean_loss(model, weights, batch, loss, how="eval"))
    return torch.stack(found).cpu()
