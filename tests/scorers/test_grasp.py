import torch
import torch.nn.functional as F
from torch import nn

from goldpan.layers.masked import MaskedLinear
from goldpan.scorers.grasp import grasp
from goldpan.types import Batch


def test_a_quadratic_by_hand() -> None:
    """L = (w . x - y)^2 / 2 has g = x r and H = x x': w * (H g) = w * x * r * (x . x)."""
    layer = MaskedLinear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0]])
    batch = (torch.tensor([[3.0, 1.0]]), torch.tensor([5]))

    def square(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ((logits[:, 0] - y) ** 2).mean() / 2

    scores = grasp(layer, [batch], square, temperature=1.0)
    assert scores["weight"].tolist() == [[1 * 3 * -4 * 10.0, -2 * 1 * -4 * 10.0]]


def test_scores_of_a_filter_before_batchnorm_add_up_to_minus_its_gradient_squared(
    net: nn.Module, batch: Batch
) -> None:
    """panning.md 1.8, tests 4 and 5: BatchNorm makes the loss blind to the filter's scale."""
    net.double()
    x, y = batch[0].double(), batch[1]
    for norm in (net[1], net[4]):  # type: ignore[index]
        norm.eps = 1e-30  # type: ignore[union-attr]
    scores = grasp(net, [(x, y)], F.cross_entropy, temperature=1.0)
    F.cross_entropy(net(x), y).backward()
    for index in (0, 3):
        gradient = net[index].weight.grad  # type: ignore[index,union-attr]
        expected = -gradient.square().flatten(1).sum(1)  # type: ignore[union-attr]
        torch.testing.assert_close(scores[f"{index}.weight"].flatten(1).sum(1), expected)


def test_the_temperature_divides_the_logits(net: nn.Module, batch: Batch) -> None:
    hot = grasp(net, [batch], lambda logits, y: F.cross_entropy(logits, y), temperature=5.0)
    same = grasp(net, [batch], lambda logits, y: F.cross_entropy(logits / 5, y), temperature=1.0)
    for name, score in hot.items():
        torch.testing.assert_close(score, same[name])
