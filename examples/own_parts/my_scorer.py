"""A scorer of one's own: how much does each weight matter?"""

from collections.abc import Sequence

from torch import nn

from goldpan.gradients import effective_weights
from goldpan.types import Batch, Loss, Scores


def relative_magnitude(model: nn.Module, batches: Sequence[Batch], loss: Loss) -> Scores:
    """|w| over the mean of its layer; the higher, the longer kept. `batches` are training images.

    Gives scores by the weight's name, each of the weight's shape. The model must stay as it is.
    """
    weights = effective_weights(model)
    return {name: w.detach().abs() / w.detach().abs().mean() for name, w in weights.items()}
