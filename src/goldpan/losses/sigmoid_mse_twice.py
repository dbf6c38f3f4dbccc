"""Squared error of sigmoid outputs with the gradient that SET's published code computes.

D. C. Mocanu et al., Scalable Training of Artificial Neural Networks with Adaptive Sparse
Connectivity inspired by Network Science, Nature Communications 2018, doi
10.1038/s41467-018-04316-3. Its authors' code, set_mlp.py of the ECML PKDD 2019 tutorial
(dcmocanu/sparse-evolutionary-artificial-neural-networks), gives the sigmoid's slope the output
y_hat = sigmoid(z) where it expects z. So the sigmoid is applied twice, and the gradient by z is

    (y_hat - y) s (1 - s) / N  with  s = sigmoid(y_hat),

where s (1 - s) lies between 0.196 and 0.25: it is almost that of sigmoids with cross-entropy, about
a quarter as long, and does not vanish where y_hat is near 0 or 1.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from goldpan.losses.sigmoid_mse import sigmoid_mse


class _TwiceSloped(torch.autograd.Function):
    """The value of `sigmoid_mse`; its backward pass uses the slope at sigmoid(y_hat)."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(logits, y)
        return sigmoid_mse(logits, y)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        logits, y = ctx.saved_tensors
        outputs = torch.sigmoid(logits)
        again = torch.sigmoid(outputs)
        delta = (outputs - F.one_hot(y, logits.shape[1])) * again * (1 - again)
        return gradients[0] * delta / len(y), None


def sigmoid_mse_twice(logits: Tensor, y: Tensor) -> Tensor:
    """The value of `sigmoid_mse`, with the gradient of SET's code."""
    loss: Tensor = _TwiceSloped.apply(logits, y)
    return loss
