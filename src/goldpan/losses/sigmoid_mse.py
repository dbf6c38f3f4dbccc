"""Squared error of sigmoid outputs, of (N, K) logits z and (N,) labels.

With y_hat = sigmoid(z) and y the labels as one-hot rows it is, a mean over N,

    sum_k (y_hat_k - y_k)^2 / 2,  whose gradient by z is  (y_hat - y) y_hat (1 - y_hat) / N.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def sigmoid_mse(logits: Tensor, y: Tensor) -> Tensor:
    """Half the squared error of sigmoid(logits), summed over the classes, mean over the batch."""
    error = torch.sigmoid(logits) - F.one_hot(y, logits.shape[1])
    return error.square().sum(1).mean() / 2
