"""SNIP: N. Lee et al., Single-shot Network Pruning, ICLR 2019, arXiv 1810.02340, equations 5-7.

Differs from the paper: scores are not divided by their sum, which changes no ranking. Differs from
the authors' code: biases are not pruned (but with `model.bias=prunable`), and the weights that are
scored are the ones trained (but with `controls.reinitialize=true`).
Over several rounds it is the Iterative SNIP of de Jorge et al., arXiv 2006.09081. Ties: exactly as
many weights are kept as asked, of equal scores the first, so that where many scores are 0 the last
layers go first, and for good. The code of Iterative SNIP keeps every weight at the threshold, hence
all while that is 0, and the dense mask where all scores are 0.
"""

from collections.abc import Sequence

from torch import nn

from goldpan.gradients import dense_weights, first_order
from goldpan.types import AsIndex, Batch, Loss, Mode, Scores

AS_INDEX = AsIndex(raw=True, temperature=True)


def snip(
    model: nn.Module,
    batches: Sequence[Batch],
    loss: Loss,
    *,
    temperature: float = 1.0,
    mode: Mode = "train",
    raw: bool = False,
) -> Scores:
    """|w * dL/dw|: how much the loss moves as the weight is taken out; larger is kept.

    With mode "eval" BatchNorm takes its running statistics: 0 and 1 before training.

    Panning divides the logits by a `temperature` and takes the score `raw`: with its sign, and of
    cut weights as well, w the dense weight.
    """
    weights, gradients = first_order(model, batches, loss, temperature, mode)
    if raw:
        dense = dense_weights(model)
        return {name: dense[name] * gradients[name] for name in dense}
    return {name: (weights[name] * gradients[name]).abs() for name in weights}
