"""FORCE: P. de Jorge et al., Progressive Skeletonization, ICLR 2021, arXiv 2006.09081.

Meant for 60 rounds at exponentially falling density in which cut weights may come back
(`revive: true`). Iterative SNIP of the same paper is `snip` over rounds without revival.
"""

from collections.abc import Sequence

from torch import nn

from goldpan.gradients import dense_weights, first_order
from goldpan.types import AsIndex, Batch, Loss, Scores

AS_INDEX = AsIndex(sees_masks=True)


def force(model: nn.Module, batches: Sequence[Batch], loss: Loss) -> Scores:
    """|w0 * g|: g = dL/dw at the masked network, cut places included; w0 the dense weights."""
    _, gradients = first_order(model, batches, loss)
    return {name: (w * gradients[name]).abs() for name, w in dense_weights(model).items()}
