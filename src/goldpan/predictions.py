"""What an ensemble's averaged predictions are worth, by pure functions of its members' logits.

Logits are (M, N, K): members, images, classes; labels are (N,). All is computed in float64, from
logarithms, so that a probability too small for a float counts as it is. What is measured is what
S. Liu et al., FreeTickets, ICLR 2022, arXiv 2106.14568, measure in their code's
ensemble_freetickets.py.
"""

from collections.abc import Callable
from itertools import permutations
from math import log

import torch
from torch import Tensor


def mean_softmax(logits: Tensor) -> Tensor:
    """Logarithms of the mean over the members of their softmaxes, (N, K) float64."""
    members = logits.double().log_softmax(-1)
    return members.logsumexp(0) - log(len(members))


def accuracy(log_probabilities: Tensor, labels: Tensor) -> float:
    """Images whose most probable class is the right one, in percent."""
    return 100 * float((log_probabilities.argmax(1) == labels).double().mean())


def negative_log_likelihood(log_probabilities: Tensor, labels: Tensor) -> float:
    """Mean of -log p(right class), in nats; for an ensemble of the averaged probability."""
    return float(-log_probabilities.gather(1, labels[:, None]).mean())


def calibration_error(log_probabilities: Tensor, labels: Tensor, *, bins: int = 15) -> float:
    """The expected calibration error, a fraction in [0, 1].

    Images are put into equal bins of confidence, the probability of the most probable class, each
    open at its lower end; the error is the mean over images of |accuracy - confidence| of their
    bin. 15 bins are those of C. Guo et al., On calibration of modern neural networks, ICML 2017,
    arXiv 1706.04599; FreeTickets' code has 15 edges, and so 14 bins.
    """
    confidence, predicted = log_probabilities.double().exp().max(1)
    gap = (predicted == labels).double() - confidence
    # Within 1e-12 of an edge a confidence is that edge: exp(log p) is p but for rounding.
    place = torch.ceil(confidence * bins - 1e-12).long().clamp(1, bins) - 1
    return float(torch.zeros(bins, dtype=gap.dtype).index_add(0, place, gap).abs().sum() / len(gap))


def disagreement(logits: Tensor) -> float:
    """The share of images for which two members predict other classes, averaged over all pairs."""
    predicted = logits.argmax(-1)
    return _over_pairs(predicted, lambda one, other: (one != other).double().mean())


def divergence(logits: Tensor) -> float:
    """KL(p_i || p_j) of two members' softmaxes in nats, mean over images and all ordered pairs.

    FreeTickets' code takes it pair by pair; that both orders count is goldpan's.
    """

    def between(one: Tensor, other: Tensor) -> Tensor:
        return (one.exp() * (one - other)).sum(1).mean()

    return _over_pairs(logits.double().log_softmax(-1), between)


def _over_pairs(members: Tensor, measure: Callable[[Tensor, Tensor], Tensor]) -> float:
    """The mean of a measure over all ordered pairs of members.

    Raises:
        ValueError: if there is no pair.
    """
    if len(members) < 2:
        raise ValueError(f"expected at least two members to compare, got {len(members)}")
    found = [float(measure(one, other)) for one, other in permutations(members, 2)]
    return sum(found) / len(found)
