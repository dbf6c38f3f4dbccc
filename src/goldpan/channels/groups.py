"""Channels of a network that must shrink together, and those that must stay."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from goldpan.masks import UnknownLayer

Place = tuple[str, str]
"""A layer's name, and "in" or "out": where channels have their weights."""

IMAGES = "they are added to the images or concatenated with them"
LOGITS = "they reach the model's output"
PADDING = "they are added to padded channels, whose number is fixed"
BROADCAST = "they are spread over all channels of another tensor"
FIXED = (IMAGES, LOGITS, PADDING, BROADCAST)  # followed, and known to stay


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that shrink together, named after the first norm that they pass.

    `places` tells, for each index of a layer's inputs or outputs, which of the `size` channels it
    belongs to, -1 if to none: a norm behind a concatenation serves several groups, and a linear
    layer behind a flattening has several inputs for each channel.
    """

    name: str
    size: int
    norms: tuple[str, ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    places: Mapping[Place, Tensor] = field(repr=False, compare=False)

    def __str__(self) -> str:
        made, used = ", ".join(self.producers), ", ".join(self.consumers)
        return f"{self.size} channels of {', '.join(self.norms)}: from {made} to {used}"

    def spread(self, kept: Tensor, place: Place) -> Tensor:
        """For each index of a layer's inputs or outputs whether its channel is kept, True if none.

        `kept` is (size,), of bools.
        """
        return torch.cat([kept.cpu(), torch.tensor([True])])[self.places[place]]  # -1 is the last

    def pool(self, norm: str, values: Tensor) -> Tensor:
        """(size,): what a norm has for each of its channels, averaged over those that are one."""
        owners = self.places[norm, "out"].to(values.device) + 1  # 0 is the place of the others
        total = values.new_zeros(self.size + 1).index_add_(0, owners, values)
        return (total / torch.bincount(owners, minlength=self.size + 1))[1:]


def removed(kept: Mapping[str, Tensor]) -> float:
    """The fraction of channels that are not kept: group name -> bools (size,); 0 of none."""
    total = sum(len(keep) for keep in kept.values())
    return 1 - sum(int(keep.sum()) for keep in kept.values()) / total if total else 0.0


@dataclass(frozen=True)
class Coupling:
    """All groups of a network; and the norms of which some channels must stay, with the reason."""

    groups: tuple[ChannelGroup, ...]
    whole: Mapping[str, str]

    def refusal(self, name: str) -> UnknownLayer | ValueError:
        """The error that says why no group bears this name."""
        for group in self.groups:
            if name in group.norms:
                return UnknownLayer(f"{name} shrinks with {group.name}, which names their group")
        if name in self.whole:
            return ValueError(f"the channels of {name} must stay: {self.whole[name]}")
        names = ", ".join(group.name for group in self.groups) or "none"
        return UnknownLayer(f"{name} names no group of channels; the model's groups: {names}")
