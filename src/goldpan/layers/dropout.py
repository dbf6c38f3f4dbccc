"""Dropout of the classic kind: nothing is scaled in training, all is scaled at test.

Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.
PyTorch's `nn.Dropout` is the *inverted* kind: in training it divides what is left by 1 - p.

*Why it trains differently.* Let z = W (m * a), with the mask m of dropout. Inverted dropout
computes W' (m * a) / (1 - p): the same network if W' = (1 - p) W. But dL/dW = (1 - p) dL/dW', so
a step of rate lr on W moves W' by lr (1 - p)^2 dL/dW'. The classic kind therefore trains like the
inverted one whose weights behind a dropout start 1 - p times as large and learn at (1 - p)^2 times
the rate: 0.64 times at p = 0.2. What is before a dropout, and the biases, are as in the other kind.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ClassicDropout(nn.Dropout):
    """Drop each activation with probability p in training; multiply all by 1 - p at test."""

    def forward(self, x: Tensor) -> Tensor:
        """Activations of any shape -> the same shape."""
        return _kept(x, self.p) * x if self.training else x * (1 - self.p)


class StraightThroughDropout(nn.Dropout):
    """Drop as the classic kind, but let the gradient pass as if nothing had been dropped.

    At test it does nothing: `ScaledAtTest` behind the next layer scales the sums, biases included.
    So the SET tutorial's code does it, whose backward pass leaves out the mask.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Activations of any shape -> the same shape."""
        if not self.training:
            return x
        dropped = (_kept(x, self.p) - 1) * x.detach()
        return x + dropped


class ScaledAtTest(nn.Dropout):
    """Multiply the sums of a layer behind a dropout by 1 - p at test; hand them on in training."""

    def forward(self, x: Tensor) -> Tensor:
        """Sums of any shape -> the same shape."""
        return x if self.training else x * (1 - self.p)


def _kept(x: Tensor, p: float) -> Tensor:
    """1 where an activation is kept, 0 where it is dropped; drawn as PyTorch's dropout draws."""
    return (F.dropout(torch.ones_like(x), p) > 0).to(x.dtype)
