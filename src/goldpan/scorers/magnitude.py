"""Magnitude: S. Han et al., Learning both Weights and Connections, NeurIPS 2015, arXiv 1506.02626.

Before training it is the "magnitude at init" of the comparisons; on a calendar during training it
is Zhu and Gupta's gradual magnitude pruning.
"""

from collections.abc import Sequence

from torch import nn

from goldpan.gradients import effective_weights
from goldpan.types import Batch, Loss, Scores


def magnitude(model: nn.Module, batches: Sequence[Batch], loss: Loss) -> Scores:
    """|w|, larger is kept; needs no data."""
    return {name: weight.detach().abs() for name, weight in effective_weights(model).items()}
