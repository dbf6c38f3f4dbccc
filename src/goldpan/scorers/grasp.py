"""GraSP: C. Wang et al., Picking Winning Tickets Before Training, ICLR 2020, arXiv 2002.07376.

The paper's S = -w * (H g) is the change of the gradient norm as the weight is cut, and the largest
S are removed; here higher is kept, so the score is -S = w * (H g).
Differs from the authors' code: it splits the sample, sorted by class, in two halves (classes 0-4,
5-9) and re-draws linear layers on a scoring copy; here the whole sample is one batch and the
weights scored are the ones trained.
"""

from collections.abc import Sequence

from torch import nn

from goldpan.gradients import dense_weights, second_order
from goldpan.types import AsIndex, Batch, Loss, Mode, Scores

AS_INDEX = AsIndex(raw=True, temperature=True)


def grasp(
    model: nn.Module,
    batches: Sequence[Batch],
    loss: Loss,
    *,
    temperature: float = 200.0,
    mode: Mode = "train",
    raw: bool = False,
) -> Scores:
    """w * (H g), g and H the gradient and Hessian of the loss of logits / temperature.

    With mode "eval" BatchNorm takes its running statistics: 0 and 1 before training. Panning takes
    the score `raw`: of cut weights as well, w the dense weight.
    """
    weights, products = second_order(model, batches, loss, temperature, mode)
    scored = dense_weights(model) if raw else weights
    return {name: scored[name] * products[name] for name in scored}
