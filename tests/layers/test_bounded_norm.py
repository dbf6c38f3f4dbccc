import pytest
import torch
from torch import nn

from goldpan.layers.bounded_norm import BOUNDS, BoundedBatchNorm2d, importance, norms
from goldpan.layers.swap import swap_norms

X = torch.randn(8, 6, 5, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("training", [True, False])
def test_it_is_the_formula(bound: str, training: bool) -> None:
    norm = BoundedBatchNorm2d(6, bound=bound).train(training)
    mean, var = X.mean((0, 2, 3)), X.var((0, 2, 3), unbiased=False)
    if not training:
        mean, var = torch.zeros(6), torch.ones(6)
    normal = (X - mean.view(1, 6, 1, 1)) / (var.view(1, 6, 1, 1) + norm.eps).sqrt()
    expected = BOUNDS[bound](norm.weight).view(1, 6, 1, 1) * normal
    torch.testing.assert_close(norm(X), expected)


def test_importances_lie_between_zero_and_one_and_begin_around_a_half() -> None:
    torch.manual_seed(0)
    found = BoundedBatchNorm2d(100_000).importance()
    assert 0 < found.min() < found.max() < 1
    assert found.mean().item() == pytest.approx(0.5, abs=0.01)
    assert found.std().item() == pytest.approx(0.21, abs=0.01)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_the_plain_norm_computes_the_same(training: bool, bias: bool) -> None:
    bounded = BoundedBatchNorm2d(6, bias=bias)
    bounded(X)  # moves the running statistics
    if bias:
        nn.init.normal_(bounded.bias)
    bounded.train(training)
    plain = bounded.to_plain()
    assert type(plain) is nn.BatchNorm2d
    assert torch.equal(plain(X), bounded(X))


def test_a_receded_channel_returns_zero() -> None:
    norm = BoundedBatchNorm2d(6)
    nn.init.constant_(norm.weight, -40)
    assert norm(X).abs().max() < 1e-16


def test_running_statistics_move_as_those_of_a_plain_norm() -> None:
    bounded, plain = BoundedBatchNorm2d(6), nn.BatchNorm2d(6)
    for _ in range(3):
        bounded(X), plain(X)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(getattr(bounded, name), getattr(plain, name))


def test_an_unknown_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="bound is one of sigmoid, hard, tanh; got 'relu'"):
        BoundedBatchNorm2d(6, bound="relu")


def test_norms_are_swapped_and_found_and_a_model_without_is_refused(net: nn.Module) -> None:
    swap_norms(net, BoundedBatchNorm2d)
    assert list(norms(net)) == ["1", "4"]
    assert all(isinstance(norm, BoundedBatchNorm2d) for norm in norms(net).values())
    with pytest.raises(ValueError, match="Linear has no BatchNorm2d; rni, slimming"):
        norms(nn.Linear(2, 2))


def test_a_plain_norm_ranks_by_its_absolute_scale() -> None:
    plain = nn.BatchNorm2d(2)
    plain.weight.data = torch.tensor([-0.5, 0.25])
    assert importance(plain).tolist() == [0.5, 0.25]
