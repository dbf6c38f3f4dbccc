import torch
from torch import nn

from goldpan.scorers.random import random
from goldpan.types import Batch


def test_scores_follow_the_seed_alone(net: nn.Module, batch: Batch) -> None:
    first, again, other = (random(net, [batch], lambda x, y: x.sum(), seed=s) for s in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)
