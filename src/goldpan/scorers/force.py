"""FORCE: P. de Jorge et al., Progressive Skeletonization, ICLR 2021, arXiv 2006.09081.

Meant for 60 rounds at exponentially falling density in which cut weights may come back
(`revive: true`). Iterative SNIP of the same paper is `snip` over rounds without revival.
Differs from the authors' code: the loss is the paper's cross-entropy, theirs takes `nll_loss` of
logits without log_softmax, whose gradient is that of -logit_y (a bug: at 90 % it keeps half of the
same weights). They score 128 random augmented images in a batch, 1 batch for CIFAR-10, 10 for
CIFAR-100; here as many of each class, not augmented.
Ties: exactly as many weights are kept as asked, of equal scores the first. Theirs keeps every
weight at the threshold: all while that is 0, and the dense mask where all scores are 0.
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
