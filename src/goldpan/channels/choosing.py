"""Choose the channels of a network that are kept, by the importances of its norms or filters."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from goldpan.channels.allocation import ChannelAllocator
from goldpan.channels.finding import couple, find_groups
from goldpan.channels.groups import ChannelGroup, removed
from goldpan.channels.hidden import has_batchnorm, unit_magnitudes
from goldpan.channels.surgery import shrink_unproved
from goldpan.cost import cost
from goldpan.layers.bounded_norm import importance, norms

Target = Literal["channels", "flops", "parameters"]

Scope = Literal["all", "followed"]
"""Which channels may go: all, or those that can be followed where others cannot."""

BISECTIONS = 12


class ChannelScorer(Protocol):
    """Scores the channels of each group; the higher, the longer a channel is kept.

    One that needs gradients takes the keywords `batches` and `loss` too, and its method says by
    `channels.sampling` how many images they have.
    """

    def __call__(self, model: nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, Tensor]:
        """Group name -> scores (size,)."""


class WeighedScores(ABC, dict[str, Tensor]):
    """Scores of a method that also weighs anew the channels that stay."""

    @abstractmethod
    def scales(self, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Group name -> factor (size,) on what is read of each channel, by bools (size,): kept."""


@torch.no_grad()
def channel_scores(model: nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by the mean of its norms' importances.

    Hidden units, which have no norm, are scored by their weights' magnitude.
    """
    norms = dict(model.named_modules())
    return {
        group.name: torch.stack(
            [group.pool(name, importance(norms[name])) for name in group.norms]
        ).mean(0)
        if group.norms
        else unit_magnitudes(model, group)
        for group in groups
    }


@dataclass(frozen=True)
class ChannelChoice:
    """Which channels of a network are kept.

    `kept` maps a group's name to bools (size,), True where the channel is kept. `floored` maps a
    group to the number of its channels that are kept, if that is more than without the floor.
    `scales` maps a group to factors (size,) on what is read of its channels, for `scale_readers`,
    before the others go; most methods have none.
    """

    kept: Mapping[str, Tensor]
    floored: Mapping[str, int]
    scales: Mapping[str, Tensor] = field(default_factory=dict)

    def removed(self) -> float:
        """The fraction of channels that are not kept."""
        return removed(self.kept)

    def after(self, earlier: "ChannelChoice") -> "ChannelChoice":
        """The two choices as one: what this one keeps of the channels that an earlier one kept."""
        kept = {name: mask.clone() for name, mask in earlier.kept.items()}
        for name, mask in kept.items():
            mask[earlier.kept[name]] = self.kept[name].to(mask.device)
        return ChannelChoice(kept, self.floored)


def choose_channels(
    model: nn.Module,
    shape: Sequence[int],
    sparsity: float,
    allocate: ChannelAllocator,
    target: Target = "channels",
    scope: Scope = "all",
    score: ChannelScorer = channel_scores,
    groups: Sequence[ChannelGroup] | None = None,
) -> ChannelChoice:
    """Choose the channels that are kept, by their scores: the importances of the norms.

    Args:
        shape: that of one image, (C, H, W).
        sparsity: the fraction of the target to remove, in [0, 1).
        target: the channels, the FLOPs or the parameters of the network.
        scope: "followed" leaves channels whole that cannot be followed, and they do not count.
        groups: those of `prunable_groups`, if they are known already.

    Raises:
        ValueError: if the model's channels cannot be followed, or no fraction removes as much.
    """
    groups = prunable_groups(model, shape, scope) if groups is None else groups
    scores = score(model, groups)
    fraction = sparsity
    if target != "channels":
        fraction = _fraction_of_channels(model, shape, groups, scores, sparsity, allocate, target)
    kept, without_floor = allocate(scores, fraction), allocate(scores, fraction, floor=0)
    counts = {name: int(mask.sum()) for name, mask in kept.items()}
    floored = {name: n for name, n in counts.items() if n > int(without_floor[name].sum())}
    scales = scores.scales(kept) if isinstance(scores, WeighedScores) else {}
    return ChannelChoice(kept, floored, scales)


def prunable_groups(
    model: nn.Module, shape: Sequence[int], scope: Scope = "all"
) -> list[ChannelGroup]:
    """The groups that may shrink: those of `model.prunable_norms()` if it has that, else `scope`'s.

    Raises:
        ValueError: if there are none, or some cannot be followed and all are asked for.
    """
    names = getattr(model, "prunable_norms", None)
    if names is None and scope == "followed":
        groups = list(couple(model, shape).groups)
    else:
        groups = find_groups(model, shape, names() if names is not None else None)
    if not groups and not has_batchnorm(model):
        raise ValueError(
            f"{type(model).__name__} has no channels that can be removed: they are those with a "
            "BatchNorm, or without any, the hidden units between two linear layers with an "
            "activation that is zero at zero; choose another model, or a method that cuts weights, "
            "such as snip"
        )
    if not groups and norms(model):
        raise ValueError(
            f"all channels of {type(model).__name__} are tied to its input or output, so that none "
            "can be removed; choose another model, or a method that cuts weights, such as snip"
        )
    return groups


def check_removable(
    model: nn.Module,
    shape: Sequence[int],
    sparsity: float,
    allocate: ChannelAllocator,
    scope: Scope = "all",
    *,
    at_once: bool = False,
    target: Target = "channels",
) -> None:
    """Make sure that channels can be removed, if any are to be; `at_once`: of them, in one round.

    Raises:
        ValueError: if there are none, if the floor of the layers keeps them all, or if the sparsity
            is less than one channel whatever the importances will be, or more of the target than
            the floor lets go.
    """
    groups = prunable_groups(model, shape, scope)
    scores = channel_scores(model, groups)
    most = allocate(scores, 1 - 2.0**-BISECTIONS)
    if at_once and sparsity > 0 and removed(allocate(scores, sparsity, floor=0)) == 0:
        raise nothing_removed(sparsity)
    if sparsity > 0 and removed(most) == 0:
        raise ValueError(
            f"sparsity {sparsity:g} removes nothing: the floor keeps all of the at most "
            f"{max(group.size for group in groups)} channels of each layer; choose a wider model "
            "or a smaller method.channels.allocate.floor"
        )
    if target != "channels":
        least = amount(shrink_unproved(model, groups, most), shape, target)
        if least > (1 - sparsity) * amount(model, shape, target):
            raise _floor_keeps(target, sparsity)


def nothing_removed(sparsity: float) -> ValueError:
    """The error that says that a sparsity is too small for this network."""
    return ValueError(
        f"sparsity {sparsity:g} removes no channel of this network; choose a higher one"
    )


def _floor_keeps(target: Target, sparsity: float) -> ValueError:
    return ValueError(
        f"the floor of the layers keeps more {target} than sparsity {sparsity:g} leaves; choose a "
        "lower sparsity or a smaller method.channels.allocate.floor"
    )


def _fraction_of_channels(
    model: nn.Module,
    shape: Sequence[int],
    groups: Sequence[ChannelGroup],
    scores: Mapping[str, Tensor],
    sparsity: float,
    allocate: ChannelAllocator,
    target: Target,
) -> float:
    """The least fraction of channels, to 1/4096, that removes as much as asked: by bisection."""
    dense = amount(model, shape, target)

    def enough(fraction: float) -> bool:
        smaller = shrink_unproved(model, groups, allocate(scores, fraction))
        return amount(smaller, shape, target) <= (1 - sparsity) * dense

    low, high = 0.0, 1 - 2.0**-BISECTIONS
    if not enough(high):
        raise _floor_keeps(target, sparsity)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def amount(model: nn.Module, shape: Sequence[int], target: Target) -> int:
    """The FLOPs of one image of shape (C, H, W), or the parameters."""
    if target == "flops":
        return cost(model, shape).flops
    return sum(parameter.numel() for parameter in model.parameters())


def fraction_of_round(sparsity: float, rounds: int) -> float:
    """What each of several rounds removes of what is left, to reach a sparsity together."""
    if rounds == 1:
        return sparsity  # to the last bit: 1 - (1 - 0.3) is above 0.3
    return 1 - float((1 - sparsity) ** (1 / rounds))
