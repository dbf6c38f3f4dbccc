"""Mean correlation of neurons, with which R. Ballester et al., arXiv 2308.04870, compare.

As in the authors' code, pairs whose correlation is 0, such as those of dead neurons, do not count.
Which neurons count is said in `goldpan.penalties.neurons`.

*Interpretation:* strength, as in `goldpan.penalties.persistence`.
"""

from torch import Tensor, nn

from goldpan.penalties.neurons import correlations
from goldpan.types import Batch


def mean_correlation(
    model: nn.Module, batch: Batch, *, strength: float, share: float = 1.0
) -> Tensor:
    """strength * the mean |correlation| of all pairs; raises ValueError as `correlations`."""
    pairs = correlations(model, batch, share).triu(1)
    return strength * pairs.sum() / pairs.count_nonzero().clamp(min=1)
