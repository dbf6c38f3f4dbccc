"""How many weights each layer drops and grows in an update."""

import math
from collections.abc import Mapping
from typing import Literal

from goldpan.allocation.quotas import apportion
from goldpan.regrowth.grow import momentum
from goldpan.regrowth.update import Counts, LayerState

LARGEST_DENSITY = 0.99
"""What SNFS's code fills of the empty places of a layer at most (max_density)."""


def by_layer(
    layers: Mapping[str, LayerState], fraction: float, *, rounding: Literal["floor", "ceil"]
) -> tuple[Counts, Counts]:
    """Drop the fraction of each layer's kept weights and grow as many there.

    The floor is RigL's code, the ceiling ITOP's and GraNet's.
    """
    whole = math.floor if rounding == "floor" else math.ceil
    # Within 1e-9 of a whole number it is that number: 0.3 * 10 is a little more than 3 in floats.
    drops = {name: whole(round(fraction * _kept(layer), 9)) for name, layer in layers.items()}
    return drops, drops


def by_momentum(layers: Mapping[str, LayerState], fraction: float) -> tuple[Counts, Counts]:
    """Drop the fraction of each layer's kept weights; grow in proportion to its mean |momentum|.

    T. Dettmers and L. Zettlemoyer, Sparse Networks from Scratch (SNFS), 2019, arXiv 1907.04840,
    section 3. The mean is that over kept weights. As in the authors' code, a layer that is less
    than 20 % sparse and has more than an equal share drops at most the fraction that it lacks.

    Differs from the code: the total is kept exactly, where the code rounds each layer and mends the
    deficit in later updates; and what does not fit into a layer goes to the room that is left.
    """
    means = {name: float(momentum(layer)[layer.mask].mean()) for name, layer in layers.items()}
    means = {name: 0.0 if math.isnan(mean) else mean for name, mean in means.items()}  # none kept
    total = sum(means.values()) or 1.0
    drops, rooms = {}, {}
    for name, layer in layers.items():
        kept, size = _kept(layer), layer.mask.numel()
        sparsity, share = 1 - kept / size, means[name] / total
        nearly_dense = sparsity < 0.2 and share > 1 / len(layers)
        drops[name] = math.ceil(
            round((min(fraction, sparsity) if nearly_dense else fraction) * kept, 9)
        )
        empty = size - kept + drops[name]
        rooms[name] = max(drops[name], int(LARGEST_DENSITY * empty))
    number = sum(drops.values())
    wanted = {name: number * mean / total for name, mean in means.items()}
    return drops, apportion(number, wanted, rooms)


def _kept(layer: LayerState) -> int:
    return int(layer.mask.sum())
