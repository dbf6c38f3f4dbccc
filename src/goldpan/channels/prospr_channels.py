"""ProsPr of channels: by the gradient that a mask on each filter gets through steps of training.

M. Alizadeh et al., Prospect Pruning, ICLR 2022, arXiv 2202.08132, structured. As in the authors'
code, one factor m multiplies the initial weights of each filter, and the channel's score is
|dL(w_M)/dm| at m = 1, w_M being what M steps of SGD on all parameters make of the initial weights;
so |sum of w_0 dL(w_M)/dw_0| over the filter. Their code scores, but does not prune channels yet.

*Interpretation:* where several layers make the same channels, they have one mask. A BatchNorm
behind the filter undoes its factor, so that without steps all scores are 0 and with steps they tell
how a filter's size changes its training; with `norms` the mask multiplies scales and biases too, as
the removal of a channel does. The classifier has no masks, since it makes no channels.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from goldpan.channels.groups import ChannelGroup
from goldpan.scorers.prospr import meta_gradients
from goldpan.types import Batch, Loss


def prospr_channels(
    model: nn.Module,
    groups: Sequence[ChannelGroup],
    batches: Sequence[Batch],
    loss: Loss,
    *,
    steps: int = 3,
    rate: float = 0.1,
    momentum: float = 0.0,
    order: str = "first",
    detach_first: bool = False,
    norms: bool = False,
) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by |dL(w_M)/dm| of their masks m.

    Steps, batches and order are those of `goldpan.scorers.prospr`. Raises ValueError as it does.
    """
    device = next(model.parameters()).device
    moved = [(images.to(device), labels.to(device)) for images, labels in batches]
    start, gradients = meta_gradients(
        model,
        moved,
        loss,
        steps=steps,
        rate=rate,
        momentum=momentum,
        order=order,
        detach_first=detach_first,
    )
    products = {name: start[name] * gradients[name] for name in start}
    return {group.name: _slope(group, products, norms=norms).abs() for group in groups}


def _slope(group: ChannelGroup, products: Mapping[str, Tensor], *, norms: bool) -> Tensor:
    """dL(w_M)/dm of the group's masks, (size,), from w_0 dL(w_M)/dw_0 of each parameter."""
    names = [(layer, "weight") for layer in group.producers]
    if norms:
        names += [(layer, "bias") for layer in group.producers]
        names += [(layer, part) for layer in group.norms for part in ("weight", "bias")]
    found = []
    for layer, part in names:
        if (product := products.get(f"{layer}.{part}")) is not None:
            found.append(group.add_up(product.reshape(len(product), -1).sum(1), (layer, "out")))
    return torch.stack(found).sum(0)
