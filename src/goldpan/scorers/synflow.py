"""SynFlow: H. Tanaka et al., Pruning without any data, NeurIPS 2020, arXiv 2006.05467, algorithm 1.

Meant for 100 rounds at exponentially falling density, each on the masked network.
Differs from the authors' code: always float64 (float32 underflows in deep sparse networks);
BatchNorm is the identity and biases are zero whatever their values, as at initialisation.
"""

from collections.abc import Sequence

from torch import nn

from goldpan.gradients import dense_weights, effective_weights, flow
from goldpan.types import AsIndex, Batch, Loss, Scores

AS_INDEX = AsIndex(raw=True, sees_masks=True)


def synflow(model: nn.Module, batches: Sequence[Batch], loss: Loss, *, raw: bool = False) -> Scores:
    """|w| * dR/d|w|, R = sum of the logits of the all-ones image; only its shape is taken.

    Without biases the scores of a layer that all paths cross add up to R, whichever the layer.
    Panning takes the score `raw`: with the weight's sign, and of cut weights as well.
    """
    effective = effective_weights(model)
    weights = {name: weight.detach().abs_().double() for name, weight in effective.items()}
    gradients = flow(model, weights, batches[0][0].shape[1:])
    scored = dense_weights(model) if raw else weights
    return {name: gradients[name] * weight for name, weight in scored.items()}
