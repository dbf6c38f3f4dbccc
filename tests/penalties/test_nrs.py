"""NRSLoss by hand, and in runs that prune weights and channels."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from goldpan.penalties.nrs import instability, nrs
from goldpan.runs.experiment import run
from goldpan.runs.record import RECORD, Record, read_record
from goldpan.runs.refusal import Refusal

Configure = Callable[..., DictConfig]
STATISTICS = ((0.5,), (0.1,))
"""An epsilon of 0.01 is 0.1 in the network."""


def unit(bias: float = 0.0) -> nn.Module:
    """A unit with the weights 1 and -2, a ReLU, and a layer that reads it."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 2)).double()
    net[1].weight.data = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    net[1].bias.data.fill_(bias)
    return net


def loss(net: nn.Module, *images: tuple[float, float], epsilon: float = 0.01) -> Tensor:
    x = torch.tensor(images, dtype=torch.float64).reshape(-1, 1, 1, 2)
    return nrs(net, (x, torch.zeros(len(x))), strength=2.0, epsilon=epsilon, statistics=STATISTICS)


def test_one_unit_by_hand() -> None:
    """Bounds (-1.3, -0.7) keep their sign: l u = 0.91; (-0.3, 0.3) do not: l u = -0.09."""
    assert loss(unit(), (1, 1)).item() == pytest.approx(2 * -0.9571, abs=2e-4)
    assert loss(unit(), (2, 1)).item() == pytest.approx(2 * -0.7211, abs=2e-4)
    both = loss(unit(), (1, 1), (2, 1)).item()
    assert both == pytest.approx(-(math.tanh(1.91) + math.tanh(0.91)))
    assert loss(unit(), (1, 1), epsilon=0).item() == pytest.approx(-2 * math.tanh(2))


def test_the_wider_the_box_the_less_stable() -> None:
    found = [loss(unit(), (1, 1), epsilon=epsilon).item() for epsilon in (0, 0.01, 0.03, 0.1)]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_gamma_divides_without_a_gradient() -> None:
    norm, products = nn.BatchNorm2d(2), torch.ones(1, 2, 3, 3, requires_grad=True)
    norm.weight.data = torch.tensor([2.0, -0.5])
    found = instability(products, norm)
    found.sum().backward()
    assert found[0, :, 0, 0].tolist() == pytest.approx([-math.tanh(1.25), -math.tanh(5)])
    assert products.grad is not None
    assert norm.weight.grad is None


def test_units_count_alike_in_layers_of_any_size() -> None:
    """One unit with l = u = 1 and three with 0: a mean over units, not over layers."""
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 3), nn.ReLU())
    for layer, bias in ((net[0], 1.0), (net[2], 0.0)):
        layer.weight.data.zero_()
        layer.bias.data.fill_(bias)
    batch = (torch.zeros(1, 1, 1, 1), torch.zeros(1))
    found = nrs(net, batch, strength=1.0, epsilon=0.1, statistics=((0.0,), (1.0,)))
    assert found.item() == pytest.approx(-(math.tanh(2) + 3 * math.tanh(1)) / 4)


def test_a_step_against_the_gradient_makes_relus_stabler() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(36, 3),
    )  # fmt: skip
    batch = (torch.randn(8, 1, 8, 8), torch.zeros(8))
    before = nrs(net, batch, strength=1.0, epsilon=0.05, statistics=STATISTICS)
    before.backward()
    with torch.no_grad():
        for weight in net.parameters():
            weight -= 0 if weight.grad is None else 1e-2 * weight.grad
    assert nrs(net, batch, strength=1.0, epsilon=0.05, statistics=STATISTICS) < before


def test_a_network_without_relus_is_refused() -> None:
    with pytest.raises(ValueError, match="nrs looks at the inputs of ReLUs, and Sequential has"):
        loss(nn.Sequential(nn.Flatten(), nn.Linear(2, 2)), (1, 1))


MEASURED = ("penalty=nrs", "certify.epsilon=0.01")
SMALL = (*MEASURED, "recipe.epochs=1", "dataset.limit=200")


def trained(configure: Configure, tmp_path: Path, method: str, model: str, *words: str) -> Record:
    cfg = configure(f"method={method}", f"model={model}", *words, f"output={tmp_path}")
    groups = {"dataset": "digits", "model": model, "recipe": "quick", "method": method}
    return run(cfg, groups, words)


def test_tickets_and_their_dense_training_have_the_penalty(
    configure: Configure, tmp_path: Path
) -> None:
    words = ("model.hidden=[32]", *MEASURED, "recipe.epochs=3", "recipe.optimizer.lr=0.02")
    record = trained(configure, tmp_path, "lottery", "mlp", "sparsity=0.2", *words)
    assert record.certified is not None
    assert record.accuracies is not None
    assert 20 < record.certified.accuracy < record.accuracies.last.test
    assert 0 < record.certified.unstable < 1
    assert "certified accuracy at least" in record.summary()
    dense = next(read_record(path) for path in tmp_path.glob(f"*dense*/{RECORD}"))
    assert dense.identity.choices["method"]["penalty"]["_target_"] == "goldpan.penalties.nrs.nrs"
    assert dense.identity.method == "dense certify.epsilon=0.01 penalty=nrs"
    again = trained(configure, tmp_path, "dense", "mlp", *words)
    assert again == dense


@pytest.mark.slow
def test_channels_go_from_a_penalised_training_and_may_keep_the_penalty(
    configure: Configure, tmp_path: Path
) -> None:
    words = ("model.width=0.1", *SMALL, "method.penalty.strength=5.0", "sparsity=0.3")
    found = [
        trained(configure, tmp_path, "uniform", "vgg11", *words, *more)
        for more in ((), ("+method.channels.keep_penalty=true",))
    ]
    assert all(record.channels is not None for record in found)
    assert len(list(tmp_path.glob(f"trained-*/{RECORD}"))) == 1
    without, kept = (record.certified for record in found)
    assert without is not None
    assert kept is not None
    assert without != kept


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("penalty=nrs", "dataset.normalization=image"), "deviation of its own; choose another"),
        (("certify.epsilon=0.1", "dataset.normalization=image"), "epsilon is in pixels"),
    ],
)
def test_images_normalised_each_alone_are_refused(
    words: tuple[str, ...], why: str, configure: Configure, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match=why):
        trained(configure, tmp_path, "dense", "mlp", *words)


@pytest.mark.parametrize("words", [("penalty=nrs",), ("certify.epsilon=0.1",)])
def test_networks_without_bounds_are_refused(
    words: tuple[str, ...], configure: Configure, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match="interval bounds are of networks in sequence"):
        trained(configure, tmp_path, "dense", "resnet20", *words)
