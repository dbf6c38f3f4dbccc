import torch

from goldpan.layers.masked import MaskedLinear
from goldpan.scorers.magnitude import magnitude


def test_a_score_is_the_absolute_weight() -> None:
    layer = MaskedLinear(3, 1)
    layer.weight.data = torch.tensor([[-3.0, 1.0, 2.0]])
    scores = magnitude(layer, [], lambda x, y: x.sum())
    assert scores["weight"].tolist() == [[3.0, 1.0, 2.0]]
