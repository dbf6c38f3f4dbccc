"""Magnitude: S. Han et al., Learning both Weights and Connections, NeurIPS 2015, arXiv 1506.02626.

Before training it is the "magnitude at init" of the comparisons; on a calendar during training it
is Zhu and Gupta's gradual magnitude pruning.

Large final, same sign: H. Zhou et al., Deconstructing Lottery Tickets, NeurIPS 2019, 1905.01067.
Kept are weights that end large on the side of zero where they began; masked so, the first ones
classify without any training (a *supermask*).
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from goldpan.gradients import effective_weights
from goldpan.types import Batch, Loss, Scores


def magnitude(model: nn.Module, batches: Sequence[Batch], loss: Loss) -> Scores:
    """|w|, larger is kept; needs no data."""
    return {name: weight.detach().abs() for name, weight in effective_weights(model).items()}


def large_final_same_sign(
    model: nn.Module,
    batches: Sequence[Batch],
    loss: Loss,
    *,
    first: Mapping[str, Tensor] | None = None,
) -> Scores:
    """max(0, w sign(w_0)), w a weight of the trained model and w_0 what it was; needs no data.

    `first` has the model's first weights by name; None stands for the model's own, and the score
    is the magnitude.
    """
    weights = {name: weight.detach() for name, weight in effective_weights(model).items()}
    first = weights if first is None else first
    return {name: (w * first[name].to(w.device).sign()).relu() for name, w in weights.items()}
