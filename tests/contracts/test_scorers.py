"""What every scorer promises, over each method that has one."""

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn

from goldpan.masks import Masks, masked_layers, read_masks, set_masks
from goldpan.panning.indices import SCORERS
from goldpan.types import AsIndex, Batch, Scorer

CONF = Path(__file__).parents[2] / "conf"
METHODS = sorted(
    p.stem for p in (CONF / "method").glob("*.yaml") if "goldpan.scorers." in p.read_text()
)


@pytest.fixture(params=METHODS)
def scorer(request: pytest.FixtureRequest, configure: Callable[..., DictConfig]) -> Scorer:
    scorer: Scorer = instantiate(configure(f"method={request.param}").method.pruner.scorer)
    return scorer


def half(net: nn.Module) -> Masks:
    return Masks({name: torch.rand(mask.shape) < 0.5 for name, mask in read_masks(net).items()})


def test_scores_name_the_masked_layers_and_are_finite(
    net: nn.Module, batch: Batch, scorer: Scorer
) -> None:
    scores = scorer(net, [batch], F.cross_entropy)
    layers = masked_layers(net)
    assert scores.keys() == layers.keys()
    for name, score in scores.items():
        assert score.shape == layers[name].weight.shape
        assert score.isfinite().all()
        assert not score.requires_grad
        assert score.dtype in (torch.float32, torch.float64)


def test_scoring_leaves_no_trace(net: nn.Module, batch: Batch, scorer: Scorer) -> None:
    set_masks(net, half(net))
    net[1].eval()  # type: ignore[index]
    net[3].weight.requires_grad_(False)  # type: ignore[index,union-attr]
    state = {name: value.clone() for name, value in net.state_dict().items()}
    training = [module.training for module in net.modules()]
    wants = [parameter.requires_grad for parameter in net.parameters()]
    random_state = torch.random.get_rng_state()
    scorer(net, [batch], F.cross_entropy)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert [module.training for module in net.modules()] == training
    assert [parameter.requires_grad for parameter in net.parameters()] == wants
    assert all(parameter.grad is None for parameter in net.parameters())
    assert torch.equal(random_state, torch.random.get_rng_state())


def test_the_same_input_gives_the_same_scores(net: nn.Module, batch: Batch, scorer: Scorer) -> None:
    first, again = (scorer(net, [batch], F.cross_entropy) for _ in range(2))
    assert all(torch.equal(score, again[name]) for name, score in first.items())


@pytest.mark.parametrize("name", sorted(path.stem for path in SCORERS.glob("[a-z]*.py")))
def test_a_scorer_takes_the_options_that_its_as_index_declares(name: str) -> None:
    module = importlib.import_module(f"goldpan.scorers.{name}")
    declared = getattr(module, "AS_INDEX", AsIndex())
    options = inspect.signature(getattr(module, name)).parameters
    assert declared.raw == ("raw" in options)
    assert declared.temperature == ("temperature" in options)
