"""Persistence of neurons by hand: related papers' three neurons, and columns made for a purpose."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import DictConfig
from scipy.sparse.csgraph import minimum_spanning_tree
from torch import Tensor, nn

from goldpan.penalties import neurons, persistence
from goldpan.penalties.correlation import mean_correlation
from goldpan.penalties.neurons import activations, correlate
from goldpan.penalties.persistence import deaths, even_persistence, total_persistence
from goldpan.runs.experiment import run
from goldpan.types import Batch

Configure = Callable[..., DictConfig]
THREE = torch.tensor([[0.0, 0.1, 0.5], [0.1, 0.0, 0.4], [0.5, 0.4, 0.0]], dtype=torch.float64)
"""Distances of three neurons; the tree has the edges 0.1 and 0.4."""
BATCH = (torch.zeros(1, 1, 1, 1), torch.zeros(1))


def test_three_neurons_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(model: nn.Module, batch: Batch, share: float) -> Tensor:
        return 1 - THREE

    assert sorted(deaths(THREE).tolist()) == pytest.approx([0.1, 0.4])
    monkeypatch.setattr(persistence, "correlations", known)
    monkeypatch.setattr("goldpan.penalties.correlation.correlations", known)
    net = nn.Identity()
    t1 = total_persistence(net, BATCH, strength=2.0)
    t2 = even_persistence(net, BATCH, strength=2.0, alpha=0.5)
    mean = mean_correlation(net, BATCH, strength=2.0)
    assert [t1.item(), t2.item(), mean.item()] == pytest.approx([-1.0, -0.1, 2 * (2 / 3)])


def test_gradients_pass_through_the_edges_of_the_tree_alone() -> None:
    distances = THREE.clone().requires_grad_()
    deaths(distances).sum().backward()
    assert distances.grad is not None
    assert distances.grad.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


def test_the_tree_is_scipys() -> None:
    points = torch.rand(60, 3, dtype=torch.float64)
    distances = torch.cdist(points, points)
    expected = minimum_spanning_tree(distances.numpy()).data
    assert sorted(deaths(distances).tolist()) == pytest.approx(sorted(expected))


def test_neurons_at_distance_zero_are_joined_by_edges_of_length_zero() -> None:
    assert deaths(torch.zeros(4, 4)).tolist() == [0, 0, 0]


def test_correlations_are_numpys_and_a_constant_neuron_has_none() -> None:
    points = torch.randn(20, 4, dtype=torch.float64)
    expected = np.abs(np.corrcoef(points.T.numpy()))
    np.testing.assert_allclose(correlate(points), expected, atol=1e-12)
    np.testing.assert_allclose(correlate(-3 * points + 5), expected, atol=1e-12)
    points[:, 1] = 0.1
    points.requires_grad_()
    found = correlate(points)
    assert found[1].tolist() == [0, 0, 0, 0]
    deaths(1 - found).sum().backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()
    assert points.grad[:, 1].tolist() == [0] * 20
    assert points.grad.any()


class Doubled(nn.Module):
    """Two layers receive the same hidden neurons; both their sums are the outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.left, self.right = nn.Linear(3, 5), nn.Linear(5, 2), nn.Linear(5, 2)
        self.norm = nn.BatchNorm1d(5)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(self.first(x.flatten(1))).relu()
        return self.left(hidden) + self.right(hidden)  # type: ignore[no-any-return]


def test_neurons_are_the_strongest_of_each_hidden_layer_and_all_outputs() -> None:
    net, images = Doubled(), torch.randn(6, 3, 1, 1)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    all_of_them = activations(net, images, 1.0)
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    hidden = net.eval().norm(net.first(images.flatten(1))).relu()
    order = hidden.mean(0).argsort(descending=True)
    torch.testing.assert_close(all_of_them, torch.cat([hidden[:, order], net(images)], 1))
    torch.testing.assert_close(activations(net, images, 0.5), all_of_them[:, [0, 1, 5, 6]])


def test_too_many_neurons_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neurons, "MOST", 6)
    batch = (torch.zeros(2, 3, 1, 1), torch.zeros(2))
    with pytest.raises(ValueError, match=r"at most 6 neurons, got 7; .* method\.penalty\.share"):
        total_persistence(Doubled(), batch, strength=1.0)


PENALTIES = [total_persistence, even_persistence, mean_correlation]


@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_step_against_the_gradient_decorrelates(penalty: Callable[..., Tensor]) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    batch = (torch.randn(32, 1, 2, 2), torch.zeros(32))
    before = penalty(net, batch, strength=1.0)
    before.backward()
    with torch.no_grad():
        for weight in net.parameters():
            assert weight.grad is not None
            weight -= 1e-3 * weight.grad
    assert penalty(net, batch, strength=1.0) < before
    dead = penalty(net, (torch.zeros(2, 1, 2, 2), torch.zeros(2)), strength=1.0)
    dead.backward()
    assert all(weight.grad.isfinite().all() for weight in net.parameters())  # type: ignore[union-attr]


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("even_persistence", "correlation")]


@pytest.mark.parametrize("method", ["persistence", *SLOW])
def test_a_network_without_norms_trains_and_nothing_is_removed(
    method: str, configure: Configure, tmp_path: Path
) -> None:
    options = (f"method={method}", "model=mlp", "model.hidden=[12,8]", "recipe.epochs=1")
    cfg = configure(*options, "dataset.limit=200", f"output={tmp_path}")
    groups = {"dataset": "digits", "model": "mlp", "recipe": "quick", "method": method}
    record = run(cfg, groups, options[2:])
    assert record.status == "finished"
    assert record.sparsity is not None
    assert record.sparsity.asked == record.sparsity.got == 0
    assert record.importances == []
