"""Groups of channels: those that must shrink together, and why others must stay."""

from collections.abc import Mapping, Sequence
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

    Hidden units (goldpan.channels.hidden) pass none; they are named after the layer that makes
    them.

    `places` tells which of the `size` channels each of a layer's inputs or outputs belongs to, -1
    if to none of them. A norm behind a concatenation serves several groups. A linear layer behind
    a flattening has several inputs for each channel.
    """

    name: str
    size: int
    norms: tuple[str, ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    places: Mapping[Place, Tensor] = field(repr=False, compare=False)

    def __str__(self) -> str:
        made, used = ", ".join(self.producers), ", ".join(self.consumers)
        what = f"channels of {', '.join(self.norms)}" if self.norms else "hidden units"
        return f"{self.size} {what}: from {made} to {used}"

    def spread(self, values: Tensor, place: Place) -> Tensor:
        """The values (size,) of the channels, at each of a layer's inputs or outputs.

        They may be bools, as whether a channel is kept, or factors; those of none of the group's
        channels have True or 1.
        """
        whole = torch.cat([values, values.new_ones(1)])
        return whole[self.places[place].to(values.device)]  # -1 is the last

    def gather(self, flags: Tensor, place: Place) -> Tensor:
        """(size,) bools: for which channels any index of a layer's inputs or outputs has a flag."""
        found = torch.zeros(self.size + 1, dtype=torch.bool)
        found[self.places[place][flags]] = True  # -1 is the last
        return found[:-1]

    def pool(self, norm: str, values: Tensor) -> Tensor:
        """(size,): a norm's values, averaged over those that belong to the same channel."""
        place = (norm, "out")
        return self.add_up(values, place) / self.add_up(torch.ones_like(values), place)

    def add_up(self, values: Tensor, place: Place) -> Tensor:
        """(size,): the values of a layer's inputs or outputs, summed over those of each channel."""
        owners = self.places[place].to(values.device) + 1  # 0 is the place of the others
        return values.new_zeros(self.size + 1).index_add_(0, owners, values)[1:]


def by_group(groups: Sequence[ChannelGroup], values: Tensor) -> dict[str, Tensor]:
    """Group name -> its part (size,) of the values (n,) of all channels, in the groups' order."""
    parts = values.split([group.size for group in groups])
    return {group.name: part for group, part in zip(groups, parts, strict=True)}


def removed(kept: Mapping[str, Tensor]) -> float:
    """The fraction of channels that are not kept, of bools (size,) by group name; 0 if none are."""
    total = sum(len(keep) for keep in kept.values())
    return 1 - sum(int(keep.sum()) for keep in kept.values()) / total if total else 0.0


@dataclass(frozen=True)
class Coupling:
    """All groups of a network; `whole` maps a norm with channels that must stay to the reason."""

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
