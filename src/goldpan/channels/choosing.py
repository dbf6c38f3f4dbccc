"""Which channels of a trained network go, by the importances of its norms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from goldpan.channels.allocation import ChannelAllocator
from goldpan.channels.finding import find_groups
from goldpan.channels.groups import ChannelGroup, removed
from goldpan.channels.surgery import shrink
from goldpan.cost import cost
from goldpan.layers.bounded_norm import importance

Target = Literal["channels", "flops", "parameters"]

BISECTIONS = 12


@dataclass(frozen=True)
class Thinning:
    """Group name -> bool (C,), True for the channels that stay; and which layers a floor saved.

    `floored` maps the groups of which fewer would have stayed without the floor to what stays.
    """

    kept: Mapping[str, Tensor]
    floored: Mapping[str, int]

    def removed(self) -> float:
        """The fraction of channels that go."""
        return removed(self.kept)

    def after(self, earlier: "Thinning") -> "Thinning":
        """This thinning of a network that an earlier one has shrunk, in the channels of before."""
        kept = {name: mask.clone() for name, mask in earlier.kept.items()}
        for name, mask in kept.items():
            mask[earlier.kept[name]] = self.kept[name].to(mask.device)
        return Thinning(kept, self.floored)


def thin(
    model: nn.Module,
    shape: Sequence[int],
    sparsity: float,
    allocate: ChannelAllocator,
    target: Target = "channels",
) -> Thinning:
    """Choose the channels that stay, by the importances of the model's norms.

    Args:
        shape: that of one image, (C, H, W).
        target: what `sparsity` is a fraction of. For FLOPs and parameters the fraction of channels
            is found by bisection: the least, to 1/4096, that removes as much as asked.

    Raises:
        ValueError: if the model's channels cannot be followed, or no fraction removes as much.
    """
    scores = channel_scores(model, prunable_groups(model, shape))
    fraction = sparsity
    if target != "channels":
        fraction = _bisect(model, shape, scores, sparsity, allocate, target)
    kept, bare = allocate(scores, fraction), allocate(scores, fraction, floor=0)
    staying = {name: int(mask.sum()) for name, mask in kept.items()}
    return Thinning(kept, {n: count for n, count in staying.items() if count > int(bare[n].sum())})


def prunable_groups(model: nn.Module, shape: Sequence[int]) -> list[ChannelGroup]:
    """The groups that may shrink: those of the norms that the model names, or all that can."""
    names = getattr(model, "prunable_norms", None)
    return find_groups(model, shape, names() if names is not None else None)


@torch.no_grad()
def channel_scores(model: nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, Tensor]:
    """Group name -> importances (C,); of norms that share their channels, the mean."""
    norms = dict(model.named_modules())
    return {
        group.name: torch.stack(
            [group.pool(name, importance(norms[name])) for name in group.norms]
        ).mean(0)
        for group in groups
    }


def _bisect(
    model: nn.Module,
    shape: Sequence[int],
    scores: Mapping[str, Tensor],
    sparsity: float,
    allocate: ChannelAllocator,
    target: Target,
) -> float:
    dense = _amount(model, shape, target)

    def enough(fraction: float) -> bool:
        smaller = shrink(model, allocate(scores, fraction), shape)
        return _amount(smaller, shape, target) <= (1 - sparsity) * dense

    low, high = 0.0, 1 - 2.0**-BISECTIONS
    if not enough(high):
        raise ValueError(f"the floor of the layers keeps more {target} than sparsity {sparsity:g}")
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _amount(model: nn.Module, shape: Sequence[int], target: Target) -> int:
    spent = cost(model, shape)
    return spent.flops if target == "flops" else spent.parameters
