"""The image classifier that Lightning trains."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from goldpan.training.system import System
from goldpan.types import Loss


class Classifier(System):
    """Trains a network that returns logits (N, K) for images, whose targets are labels (N,).

    Its metric is the top-1 accuracy in percent.

    Args:
        parts, rest: those of System.
    """

    metric = "accuracy"
    unit = 100.0

    def __init__(self, *parts: Any, loss: Loss = F.cross_entropy, **rest: Any) -> None:
        super().__init__(*parts, loss=loss, **rest)

    def measure(self, output: Tensor, target: Tensor) -> Tensor:
        """The number of correct answers."""
        return (output.argmax(1) == target).sum()
