import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from goldpan.layers.masked import MaskedLinear
from goldpan.masks import Masks, digest, mask_gradients, masked_layers, read_masks, write_masks
from goldpan.scorers.prospr import prospr
from goldpan.scorers.snip import snip
from goldpan.types import Batch

FIRST, SECOND = (torch.tensor([[3.0, 1.0]]), torch.tensor([5])), (torch.ones(1, 2), torch.ones(1))


def square(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return ((logits[:, 0] - y) ** 2).mean() / 2


def line() -> MaskedLinear:
    layer = MaskedLinear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0]])
    return layer


@pytest.mark.parametrize("order", ["first", "full"])
def test_without_steps_it_is_snip(net: nn.Module, batch: Batch, order: str) -> None:
    scores = prospr(net, [batch], F.cross_entropy, steps=0, order=order)
    assert all(torch.equal(scores[n], s) for n, s in snip(net, [batch], F.cross_entropy).items())


def test_two_weights_by_hand() -> None:
    """L = (w . x - y)^2 / 2, r = w . x - y = -4, x . x = 10: a step of 1/16 takes r to 3/8 r.

    dL/dw_2 = x r_2 = x (3/8)^2 r, and dL/dw_0 = (3/8)^2 x r_2.
    """
    options = {"steps": 2, "rate": 1 / 16}
    first = prospr(line(), [FIRST], square, order="first", **options)  # type: ignore[arg-type]
    full = prospr(line(), [FIRST], square, order="full", **options)  # type: ignore[arg-type]
    assert first["weight"].tolist() == [[12 * (3 / 8) ** 2, 8 * (3 / 8) ** 2]]
    assert full["weight"].tolist() == [[12 * (3 / 8) ** 4, 8 * (3 / 8) ** 4]]


def test_momentum_by_hand() -> None:
    """a = x . x / 16 = 5/8: r_1 = (1 - a) r and r_2 = r_1 - a (r / 2 + r_1) = -11/64 r."""
    options = {"steps": 2, "rate": 1 / 16, "momentum": 0.5}
    first = prospr(line(), [FIRST], square, order="first", **options)  # type: ignore[arg-type]
    full = prospr(line(), [FIRST], square, order="full", **options)  # type: ignore[arg-type]
    assert first["weight"].tolist() == [[12 * 11 / 64, 8 * 11 / 64]]
    assert full["weight"].tolist() == [[12 * (11 / 64) ** 2, 8 * (11 / 64) ** 2]]


def test_a_first_step_that_counts_as_a_constant_by_hand() -> None:
    """As above, but w_1 = w_0 - constant: dr_2/dw_0 = (1 - a) x = 3/8 x."""
    options = {"steps": 2, "rate": 1 / 16, "momentum": 0.5, "order": "full"}
    full = prospr(line(), [FIRST], square, detach_first=True, **options)  # type: ignore[arg-type]
    assert full["weight"].tolist() == [[12 * 11 / 64 * 3 / 8, 8 * 11 / 64 * 3 / 8]]
    plain = {"steps": 2, "rate": 1 / 16, "order": "full"}  # without momentum nothing is copied
    full = prospr(line(), [FIRST], square, detach_first=True, **plain)  # type: ignore[arg-type]
    assert full["weight"].tolist() == [[12 * (3 / 8) ** 4, 8 * (3 / 8) ** 4]]


def test_the_last_loss_takes_the_batch_after_those_of_the_steps() -> None:
    """w_1 = (1, -2) + (3, 1) 4 / 16 = (7/4, -7/4): r of the second batch is -1, x = (1, 1)."""
    scores = prospr(line(), [FIRST, SECOND], square, steps=1, rate=1 / 16)
    assert scores["weight"].tolist() == [[1.0, 2.0]]


def test_batches_are_taken_in_turn(net: nn.Module, batch: Batch) -> None:
    halves = [(batch[0][:10], batch[1][:10]), (batch[0][10:], batch[1][10:])]
    once = prospr(net, halves * 2, F.cross_entropy)
    again = prospr(net, halves, F.cross_entropy)
    assert all(torch.equal(score, again[name]) for name, score in once.items())


def trained(net: nn.Module, batches: list[Batch], momentum: float) -> nn.Module:
    """The network after one step of PyTorch's own SGD on each batch; cut weights stay zero."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=momentum)
    for x, y in batches:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        mask_gradients(masked_layers(net).values())
        optimizer.step()
    return net


def masked(net: nn.Module) -> Masks:
    """Cut about half of the network's weights and make it float64."""
    masks = {name: torch.rand(mask.shape) < 0.5 for name, mask in read_masks(net).items()}
    write_masks(net.double(), Masks(masks))
    return Masks(masks)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_full_is_the_derivative_by_the_masks_of_the_loss_after_the_steps(
    net: nn.Module, batch: Batch, momentum: float
) -> None:
    masks, step = masked(net), 1e-5
    x, y = batch[0].double(), batch[1]
    batches = [(x[part::3], y[part::3]) for part in range(3)]
    scores = prospr(net, batches, F.cross_entropy, steps=2, momentum=momentum, order="full")
    for name, mask in masks.items():
        assert (scores[name][~mask] == 0).all()
        for place in map(tuple, mask.nonzero()[::20].tolist()):
            losses = []
            for factor in (1 + step, 1 - step):
                moved = copy.deepcopy(net)
                moved.get_parameter(name).data[place] *= factor
                last_x, last_y = batches[2]
                moved = trained(moved, batches[:2], momentum)
                losses.append(F.cross_entropy(moved(last_x), last_y).item())
            derivative = abs(losses[0] - losses[1]) / (2 * step)
            assert scores[name][place].item() == pytest.approx(derivative, rel=1e-4, abs=1e-9)


def test_first_order_is_the_last_gradient_times_the_first_weight(
    net: nn.Module, batch: Batch
) -> None:
    masked(net)
    x, y = batch[0].double(), batch[1]
    scores = prospr(net, [(x, y)], F.cross_entropy, steps=2, momentum=0.9)
    moved = trained(copy.deepcopy(net), [(x, y)] * 2, 0.9)
    moved.zero_grad()
    F.cross_entropy(moved(x), y).backward()
    for name, score in scores.items():
        g, weight = moved.get_parameter(name).grad, net.get_parameter(name).detach()
        assert g is not None
        torch.testing.assert_close(score, (g * weight).abs())


def test_the_two_orders_differ(net: nn.Module, batch: Batch) -> None:
    first, full = (prospr(net, [batch], F.cross_entropy, order=o) for o in ("first", "full"))
    assert not any(torch.allclose(score, full[name]) for name, score in first.items())


@pytest.mark.parametrize("order", ["first", "full"])
def test_the_steps_leave_the_model_as_it_was(net: nn.Module, batch: Batch, order: str) -> None:
    before = digest(net.state_dict())
    scores = prospr(net, [batch], F.cross_entropy, order=order)
    assert digest(net.state_dict()) == before
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not any(score.requires_grad for score in scores.values())


def test_what_cannot_be_is_refused(net: nn.Module, batch: Batch) -> None:
    with pytest.raises(ValueError, match="order must be first or full, got 'second'"):
        prospr(net, [batch], F.cross_entropy, order="second")
    with pytest.raises(ValueError, match="steps must be 0 or more, got -1"):
        prospr(net, [batch], F.cross_entropy, steps=-1)
    with pytest.raises(ValueError, match=r"must not diverge, got rate=1e\+38; lower it"):
        prospr(net, [batch], F.cross_entropy, rate=1e38)
