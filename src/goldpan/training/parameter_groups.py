"""Parameter groups: bounded norms learn at a rate and a weight decay of their own."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from goldpan.layers.bounded_norm import BoundedBatchNorm2d

Groups = list[dict[str, Any]]


def parameter_groups(net: nn.Module, bounded: Mapping[str, float] | None) -> Groups:
    """All parameters in one group; scales of bounded norms in another with options `bounded`."""
    scales = {
        id(module.weight) for module in net.modules() if isinstance(module, BoundedBatchNorm2d)
    }
    groups: Groups = [{"params": [p for p in net.parameters() if id(p) not in scales]}]
    if scales:
        apart = [p for p in net.parameters() if id(p) in scales]
        groups.append({"params": apart} | dict(bounded or {}))
    return groups
