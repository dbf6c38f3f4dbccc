"""FPGM: remove the filters that others can stand in for, those nearest to the geometric median.

Y. He et al., Filter Pruning via Geometric Median for Deep Neural Networks Acceleration, CVPR 2019,
arXiv 1811.00250, equation 6: g(F_j) = sum over k of ||F_j - F_k||_2 over the filters of a layer;
those with the least go, however large they are.

*Differs from the paper:* it prunes softly after each epoch of a training; here the filters of a
trained network go for good, and what is left is fine-tuned. *Interpretation:* where several layers
make the same channels, their scores are averaged.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goldpan.channels.filter_norms import filter_scores
from goldpan.channels.groups import ChannelGroup


def fpgm(model: nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, Tensor]:
    """Score the channels of each group, (size,), by their filters' distances to all others."""
    return filter_scores(model, groups, distances)


def distances(filters: Tensor) -> Tensor:
    """(outputs,): of each row of (outputs, weights) the sum of the distances to all rows."""
    # By differences: by products, as for more than 25 rows otherwise, equal rows are not at 0.
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(filters, filters, compute_mode=exact).sum(1)
