import torch

from goldpan.layers.masked import MaskedLinear
from goldpan.scorers.magnitude import large_final_same_sign, magnitude


def test_a_score_is_the_absolute_weight() -> None:
    layer = MaskedLinear(3, 1)
    layer.weight.data = torch.tensor([[-3.0, 1.0, 2.0]])
    scores = magnitude(layer, [], lambda x, y: x.sum())
    assert scores["weight"].tolist() == [[3.0, 1.0, 2.0]]


def test_a_score_is_what_is_left_of_the_weight_on_the_side_where_it_began() -> None:
    layer = MaskedLinear(5, 1)
    layer.weight.data = torch.tensor([[-3.0, 1.0, 2.0, -4.0, 5.0]])
    first = {"weight": torch.tensor([[-0.1, 0.2, -0.3, 0.4, 0.0]])}
    scores = large_final_same_sign(layer, [], lambda x, y: x.sum(), first=first)
    assert scores["weight"].tolist() == [[3.0, 1.0, 0.0, 0.0, 0.0]]


def test_weights_that_have_not_moved_are_scored_by_their_magnitude() -> None:
    layer = MaskedLinear(7, 3)
    loss = torch.nn.functional.cross_entropy
    weights = {"weight": layer.weight.detach().clone()}
    for first in (None, weights):
        score = large_final_same_sign(layer, [], loss, first=first)["weight"]
        assert torch.equal(score, magnitude(layer, [], loss)["weight"])
