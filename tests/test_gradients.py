from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from goldpan.gradients import effective_weights, first_order, flow, mean_loss, second_order
from goldpan.layers.masked import MaskedLinear
from goldpan.masks import Masks, masked_layers, read_masks, set_masks
from goldpan.scorers.grasp import grasp
from goldpan.scorers.prospr import prospr
from goldpan.types import Batch, Scorer


def test_first_order_is_backward_of_the_mean_over_batches(net: nn.Module, batch: Batch) -> None:
    halves = [(batch[0][:10], batch[1][:10]), (batch[0][10:], batch[1][10:])]
    _, gradients = first_order(net, halves, F.cross_entropy)
    sum(F.cross_entropy(net(x), y) / 2 for x, y in halves).backward()  # type: ignore[union-attr]
    for name, layer in masked_layers(net).items():
        torch.testing.assert_close(gradients[name], layer.weight.grad)


def test_gradients_are_taken_at_the_masked_network_at_all_places(
    net: nn.Module, batch: Batch
) -> None:
    masks = Masks({name: torch.rand(mask.shape) < 0.5 for name, mask in read_masks(net).items()})
    set_masks(net, masks)
    weights, gradients = first_order(net, [batch], F.cross_entropy)
    assert all((weights[name][~mask] == 0).all() for name, mask in masks.items())
    assert all((gradients[name][~mask] != 0).any() for name, mask in masks.items())


@pytest.mark.parametrize("parts", [1, 2])
def test_second_order_is_the_finite_difference_of_the_gradient(
    net: nn.Module, batch: Batch, parts: int
) -> None:
    net.double()
    x, y = batch[0].double(), batch[1]
    batches = list(zip(x.chunk(parts), y.chunk(parts), strict=True))
    _, products = second_order(net, batches, F.cross_entropy)
    weights, g = first_order(net, batches, F.cross_entropy)
    step = 1e-5

    def gradient(sign: int) -> dict[str, torch.Tensor]:
        for name, layer in masked_layers(net).items():
            layer.weight.data = weights[name] + sign * step * g[name]
        return first_order(net, batches, F.cross_entropy)[1]

    above, below = gradient(1), gradient(-1)
    for name, product in products.items():
        expected = (above[name] - below[name]) / (2 * step)
        torch.testing.assert_close(product, expected, rtol=1e-4, atol=1e-8)


class Attention(nn.Module):
    """Two heads over the pixels of an image: PyTorch's fused attention, or the same written out."""

    def __init__(self, written: bool) -> None:
        super().__init__()
        self.written = written
        self.inputs, self.output = MaskedLinear(3, 24), MaskedLinear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pixels = self.inputs(x.flatten(2).transpose(1, 2))  # (N, P, 24)
        q, k, v = pixels.unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)  # each (N, 2, P, 4)
        if self.written:
            seen = (q @ k.transpose(2, 3) / 2).softmax(3) @ v
        else:
            seen = F.scaled_dot_product_attention(q, k, v)
        logits: torch.Tensor = self.output(seen.mean(2).flatten(1))
        return logits


@pytest.mark.parametrize("scorer", [grasp, partial(prospr, order="full")], ids=["grasp", "prospr"])
def test_fused_attention_is_derived_twice_as_if_it_were_written_out(
    scorer: Scorer, batch: Batch
) -> None:
    fused, written = Attention(False), Attention(True)
    written.load_state_dict(fused.state_dict())
    expected = scorer(written, [batch], F.cross_entropy)
    for name, score in scorer(fused, [batch], F.cross_entropy).items():
        assert score.any()
        torch.testing.assert_close(score, expected[name])


def test_dropout_is_off_and_the_global_random_state_stays(batch: Batch) -> None:
    dropping = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), MaskedLinear(192, 5))
    before = torch.random.get_rng_state()
    loss = mean_loss(dropping, effective_weights(dropping), batch, F.cross_entropy)
    assert torch.equal(before, torch.random.get_rng_state())
    assert dropping[1].training
    assert loss.item() == F.cross_entropy(dropping.eval()(batch[0]), batch[1]).item()


def test_flow_sees_batchnorm_as_the_identity(net: nn.Module) -> None:
    weights = {name: weight.detach().abs() for name, weight in effective_weights(net).items()}
    expected = flow(net, weights, (3, 8, 8))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(tensor, 2, 3)  # type: ignore[arg-type]
    for name, gradient in flow(net, weights, (3, 8, 8)).items():
        assert torch.equal(gradient, expected[name])
        assert gradient.dtype == torch.float64
