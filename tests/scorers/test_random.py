import torch
from torch import nn

from goldpan.models.vgg import vgg11
from goldpan.scorers.random import random
from goldpan.types import Batch


def test_scores_follow_the_seed_alone(net: nn.Module, batch: Batch) -> None:
    first, again, other = (random(net, [batch], lambda x, y: x.sum(), seed=s) for s in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)


def test_scores_have_nothing_to_do_with_weights_drawn_from_the_same_seed() -> None:
    net = vgg11(10, 3, 32, width=0.25, seed=0)
    for name, score in random(net, [], lambda x, y: x.sum(), seed=0).items():
        pair = torch.stack([score.flatten(), net.get_parameter(name).detach().abs().flatten()])
        assert abs(torch.corrcoef(pair)[0, 1]) < 4 / pair.shape[1] ** 0.5
