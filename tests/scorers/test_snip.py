import pytest
import torch
import torch.nn.functional as F
from torch import nn

from goldpan.layers.masked import MaskedLinear
from goldpan.masks import Masks, set_masks
from goldpan.scorers.snip import snip
from goldpan.types import Batch


def square(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return ((logits[:, 0] - y) ** 2).mean() / 2


def test_two_weights_by_hand() -> None:
    """L = (w . x - y)^2 / 2 at w = (1, -2), x = (3, 1), y = 5: w * dL/dw = w * x * (1 - 5)."""
    layer = MaskedLinear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0]])
    scores = snip(layer, [(torch.tensor([[3.0, 1.0]]), torch.tensor([5]))], square)
    assert scores["weight"].tolist() == [[12.0, 8.0]]


def test_it_is_the_derivative_by_the_masks(net: nn.Module, batch: Batch) -> None:
    """Equation 5: dL(c * w)/dc at c = 1, by central differences in float64."""
    net.double()
    x, y = batch[0].double(), batch[1]
    scores = snip(net, [(x, y)], F.cross_entropy)
    weight, step = net[0].weight.data, 1e-6  # type: ignore[index,union-attr]
    for place in [(0, 0, 0, 0), (5, 2, 1, 1), (3, 1, 2, 0)]:
        kept = weight[place].item()
        losses = []
        for mask in (1 + step, 1 - step):
            weight[place] = kept * mask
            losses.append(F.cross_entropy(net(x), y).item())
        weight[place] = kept
        derivative = abs(losses[0] - losses[1]) / (2 * step)
        assert abs(scores["0.weight"][place].item() - derivative) < 1e-8


def test_a_cut_weight_scores_zero(net: nn.Module, batch: Batch) -> None:
    masks = Masks({n: torch.rand(p.shape) < 0.5 for n, p in net.named_parameters() if p.dim() > 1})
    set_masks(net, masks)
    scores = snip(net, [batch], F.cross_entropy)
    assert all((scores[name][~mask] == 0).all() for name, mask in masks.items())


def test_in_eval_mode_batchnorm_takes_its_running_statistics(net: nn.Module, batch: Batch) -> None:
    """|w * dL/dw| by autograd through the network in eval mode, whose flags stay as they were."""
    before = snip(net, [batch], F.cross_entropy)
    scores = snip(net, [batch], F.cross_entropy, mode="eval")
    assert net.training
    F.cross_entropy(net.eval()(batch[0]), batch[1]).backward()
    for name, score in scores.items():
        weight = net.get_parameter(name)
        assert weight.grad is not None
        torch.testing.assert_close(score, (weight * weight.grad).abs().detach())
        assert not torch.allclose(score, before[name])


def test_another_mode_is_refused(net: nn.Module, batch: Batch) -> None:
    with pytest.raises(ValueError, match="scoring_mode must be train or eval, got test"):
        snip(net, [batch], F.cross_entropy, mode="test")  # type: ignore[arg-type]
