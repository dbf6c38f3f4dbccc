from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from goldpan.layers.dropout import ClassicDropout, ScaledAtTest, StraightThroughDropout

P = 0.2


@pytest.mark.parametrize("kind", [ClassicDropout, StraightThroughDropout])
def test_in_training_what_is_left_is_not_scaled(kind: type[nn.Dropout]) -> None:
    torch.manual_seed(0)
    out = kind(P)(torch.full((10_000,), 3.0))
    assert set(out.tolist()) == {0.0, 3.0}
    assert (out == 0).float().mean().item() == pytest.approx(P, abs=0.02)


def test_all_is_scaled_at_test() -> None:
    for scales in (ClassicDropout(P), ScaledAtTest(P)):
        assert scales.eval()(torch.ones(3)).tolist() == pytest.approx([1 - P] * 3)


def test_the_straight_through_kind_leaves_the_test_to_the_next_layers_sums() -> None:
    assert StraightThroughDropout(P).eval()(torch.ones(3)).tolist() == [1.0] * 3
    assert ScaledAtTest(P).train()(torch.ones(3)).tolist() == [1.0] * 3


@pytest.mark.parametrize(
    ("kind", "passes"), [(ClassicDropout, False), (StraightThroughDropout, True)]
)
def test_the_gradient_of_what_is_dropped(kind: type[nn.Dropout], passes: bool) -> None:
    torch.manual_seed(0)
    x = torch.ones(100, requires_grad=True)
    out = kind(0.5)(x)
    out.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == ([1.0] * 100 if passes else out.tolist())


def test_every_kind_drops_the_same_activations_under_one_seed() -> None:
    x, kept = torch.ones(100), []
    for kind in (nn.Dropout, ClassicDropout, StraightThroughDropout):
        torch.manual_seed(0)
        kept.append((kind(P)(x) > 0).tolist())
    assert kept[0] == kept[1] == kept[2]


def net(dropout: nn.Module) -> nn.Sequential:
    torch.manual_seed(1)
    layers = nn.Linear(6, 50), nn.ReLU(), dropout, nn.Linear(50, 3)
    return nn.Sequential(*layers).double()


def step(model: nn.Sequential, rate: float, rate_behind: float) -> Tensor:
    """One step of gradient descent on a fixed batch and mask; returns the last weights."""
    behind = model[3].weight
    rest = [p for p in model.parameters() if p is not behind]
    groups = [{"params": [behind], "lr": rate_behind}, {"params": rest}]
    optimizer = torch.optim.SGD(groups, lr=rate)
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(2)).double()
    for seed in range(5):
        torch.manual_seed(seed)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), torch.arange(8) % 3).backward()
        optimizer.step()
    return behind.detach()


def test_classic_trains_as_inverted_with_smaller_weights_and_a_smaller_rate() -> None:
    classic, inverted = net(ClassicDropout(P)), net(nn.Dropout(P))
    with torch.no_grad():
        inverted[3].weight.mul_(1 - P)
    before = deepcopy(classic[3].weight)
    behind = step(classic, 0.1, 0.1)
    torch.testing.assert_close((1 - P) * behind, step(inverted, 0.1, 0.1 * (1 - P) ** 2))
    torch.testing.assert_close(classic[0].weight, inverted[0].weight)
    assert not torch.allclose(before, behind)


def test_classic_and_inverted_agree_at_test() -> None:
    classic, inverted = net(ClassicDropout(P)).eval(), net(nn.Dropout(P)).eval()
    with torch.no_grad():
        inverted[3].weight.mul_(1 - P)
    x = torch.randn(4, 6).double()
    torch.testing.assert_close(classic(x), inverted(x))
