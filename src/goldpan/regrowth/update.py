"""Drop and grow: which weights a layer keeps after one update of its masks.

The step that SET, RigL, ITOP, GraNet and SNFS have in common: of the weights that a layer keeps the
lowest drop scores go, and of the places that are then empty the highest grow scores come. A weight
that was just dropped may be the one that grows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from goldpan.allocation.selection import highest_among
from goldpan.masks import Masks
from goldpan.types import Scores


@dataclass(frozen=True)
class LayerState:
    """What an update may look at in one layer; tensors have the weight's shape.

    Args:
        name: of the weight.
        step: the optimizer step at which the update takes place.
        weight: zero where it is cut.
        mask: True where it is kept.
        gradient: of the loss by the weight as if none were cut; None before the first step.
        momentum: the optimizer's, if it has one. Where a weight is cut it is zero, unless the
            optimizer sees the gradients of cut weights too.
    """

    name: str
    step: int
    weight: Tensor
    mask: Tensor
    gradient: Tensor | None = None
    momentum: Tensor | None = None


ScoreLayer = Callable[[LayerState], Tensor]
"""The state of a layer -> a score for each place; the highest stay, or grow."""

Counts = Mapping[str, int]
"""Weight name -> a number of weights."""

CountLayers = Callable[[Mapping[str, LayerState], float], tuple[Counts, Counts]]
"""The layers and a drop fraction in [0, 1] -> how many each layer drops, and how many it grows."""


def regrow(
    alive: Masks, drop_scores: Scores, grow_scores: Scores, drops: Counts, grows: Counts
) -> tuple[Masks, Masks]:
    """The masks after an update, and the places that grew in it; equal scores are ranked by index.

    Places that grew may have been alive before: a dropped weight competes with the empty places.

    Raises:
        ValueError: if a layer is to drop more weights than it has, or to grow more than fit in.
    """
    masks, grown = {}, {}
    for name, mask in alive.items():
        (stays,) = highest_among([mask], [drop_scores[name]], int(mask.sum()) - drops[name])
        (grown[name],) = highest_among([~stays], [grow_scores[name]], grows[name])
        masks[name] = stays | grown[name]
    return Masks(masks), Masks(grown)


def update_masks(
    layers: Mapping[str, LayerState],
    fraction: float,
    drop: ScoreLayer,
    grow: ScoreLayer,
    count: CountLayers,
) -> tuple[Masks, Masks]:
    """The masks after an update that drops `fraction` of the kept weights, and what grew in it."""
    drops, grows = count(layers, fraction)
    alive = Masks({name: layer.mask for name, layer in layers.items()})
    with torch.no_grad():
        dropping = {name: drop(layer) for name, layer in layers.items()}
        growing = {name: grow(layer) for name, layer in layers.items()}
    return regrow(alive, dropping, growing, drops, grows)
