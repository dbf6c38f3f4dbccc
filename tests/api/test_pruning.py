"""gp.prune on a network that knows nothing of goldpan."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor, nn

import goldpan as gp
from goldpan.layers.swap import swap_layers
from goldpan.types import Batch, Loss, Scores

METHODS = (
    *("force", "grasp", "iterative_snip", "ntk_sap", "panning", "prospr", "prospr_full", "random"),
    *("rl_panning", "snip", "static_erk", "static_uniform", "synflow"),
)


@pytest.mark.parametrize("method", METHODS)
def test_each_method_that_prunes_before_training_does(
    method: str, plain_net: nn.Module, batches: list[Batch], agent_file: Path
) -> None:
    options = [f"agent={agent_file}"] if method == "rl_panning" else []
    masks = gp.prune(plain_net, method, 0.8, batches=batches, rounds=2, options=options)
    assert masks.kept == pytest.approx(0.2 * masks.total, abs=1)
    assert gp.sparsity(plain_net) == masks.sparsity


@pytest.mark.parametrize(
    ("method", "instead"),
    [
        ("dense", "leave gp.prune out"),
        ("gmp", r"gp\.run\(\['method=gmp', \.\.\.\]\)"),
        ("rigl", r"gp\.run"),
        ("lottery", r"gp\.run"),
        ("rni", r"gp\.shrink\(model, example, sparsity, 'rni'\)"),
    ],
)
def test_another_method_says_what_to_call_instead(
    method: str, instead: str, plain_net: nn.Module
) -> None:
    with pytest.raises(ValueError, match=instead):
        gp.prune(plain_net, method, 0.8)


@pytest.mark.parametrize("method", ["synflow", "grasp"])
def test_the_masks_are_those_of_the_command_line(
    method: str,
    plain_net: nn.Module,
    batches: list[Batch],
    configure: Callable[..., DictConfig],
) -> None:
    twin = swap_layers(nn.Sequential(*plain_net))  # of the same layers
    pruner = instantiate(configure(f"method={method}", "sparsity=0.9").method.pruner)
    expected = pruner.prune(
        twin, draw=lambda done: batches, loss=F.cross_entropy, rounds=pruner.rounds
    )
    for layer in twin:
        if hasattr(layer, "mask"):
            layer.mask.fill_(True)
    found = gp.prune(plain_net, method, 0.9, batches=batches)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


def test_an_optimizer_made_before_holds_the_weights_and_logits_stay_at_sparsity_0(
    plain_net: nn.Module, batches: list[Batch]
) -> None:
    weights, logits = [*plain_net.parameters()], plain_net.eval()(batches[0][0])
    assert gp.prune(plain_net, "snip", 0, batches=batches).sparsity == 0
    assert all(a is b for a, b in zip(weights, plain_net.parameters(), strict=True))
    assert torch.equal(logits, plain_net(batches[0][0]))


def test_methods_without_data_need_none_and_synflow_a_shape(plain_net: nn.Module) -> None:
    gp.prune(plain_net, "random", 0.2)
    gp.prune(plain_net, "magnitude", 0.5)  # cuts further what is masked
    gp.prune(plain_net, "synflow", 0.8, example=torch.zeros(1, 1, 8, 8), rounds=5)
    assert gp.sparsity(plain_net) == pytest.approx(0.8, abs=1e-3)
    gp.prune(plain_net, "magnitude", 0.8)  # again the same: nothing more to cut
    with pytest.raises(ValueError, match=r"less than the 0[.]79.* do not come back"):
        gp.prune(plain_net, "magnitude", 0.5)


def test_each_round_may_draw_its_own_batches(plain_net: nn.Module, batches: list[Batch]) -> None:
    asked: list[int] = []

    def draw(done: int) -> Sequence[Batch]:
        asked.append(done)
        return batches

    gp.prune(plain_net, "iterative_snip", 0.8, batches=draw, rounds=3, schedule="linear")
    assert asked == [1, 1, 2, 3]  # the first is looked at before any work


def test_own_scorer_allocation_and_schedule(plain_net: nn.Module) -> None:
    def small(model: nn.Module, batches: Sequence[Batch], loss: Loss) -> Scores:
        return {f"{n}.weight": -layer.weight.detach().abs() for n, layer in _masked(model)}

    largest = plain_net[11].weight.abs().max()
    masks = gp.prune(plain_net, small, 0.5, rounds=2, schedule=lambda progress: progress / 2)
    assert masks.sparsity == 0.5
    assert plain_net[11].weight.abs().max() < largest
    gp.write_masks(plain_net, {name: torch.ones_like(mask) for name, mask in masks.items()})
    layers = gp.prune(plain_net, "magnitude", 0.75, allocation="layerwise").layers()
    assert all(sparsity == pytest.approx(0.75, abs=0.01) for sparsity in layers.values())


def _masked(model: nn.Module) -> list[tuple[str, Any]]:
    return [(name, layer) for name, layer in model.named_modules() if hasattr(layer, "mask")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("snp", 0.9), r"method is one of .*; got snp \(did you mean snip\?\)"),
        (("snip", 1.0), r"sparsity is .*; got 1\.0"),
        (("snip", -0.1), r"sparsity is .*; got -0\.1"),
        (("snip", float("nan")), r"sparsity is .*; got nan"),
        (("snip", 0.9), r"snip needs batches=\[\(x, y\), \.\.\.\] to score the weights$"),
        (("synflow", 0.9), r"synflow needs .* or example=x"),
        (("panning", 0.9), r"panning needs batches"),
        (("magnitude", 0.9, {"rounds": 0}), r"rounds is a whole number from 1 on; got 0"),
        (("magnitude", 0.9, {"allocation": "erc"}), r"allocation is one of .*mean erk"),
        (("magnitude", 0.9, {"schedule": "fast"}), r"schedule is one of"),
        (("magnitude", 0.9, {"options": ["nonsense=1"]}), r"nonsense is no option"),
        (("snip", 0.9, {"batches": []}), r"snip needs batches"),
        (("snip", 0.9, {"batches": [torch.zeros(2)]}), r"list of \(x, y\) tensors"),
        (("snip", 0.9, {"batches": {1: 2}}), r"got a dict"),
        ((3, 0.9), r"method is a name or a scorer; got a int"),
    ],
    ids=str,
)
def test_bad_input_gets_one_sentence_and_changes_nothing(
    arguments: Sequence[Any], sentence: str, plain_net: nn.Module
) -> None:
    method, sparsity, *rest = arguments
    with pytest.raises((ValueError, TypeError), match=sentence) as caught:
        gp.prune(plain_net, method, sparsity, **(rest[0] if rest else {}))
    assert "\n" not in str(caught.value)
    assert not _masked(plain_net)


def test_what_cannot_be_pruned_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ReLU has no Conv2d or Linear to prune$"):
        gp.prune(nn.ReLU(), "magnitude", 0.5)
    with pytest.raises(ValueError, match="cannot reach 0, a Conv1d"):
        gp.prune(nn.Sequential(nn.Conv1d(1, 2, 3)), "magnitude", 0.5)
    with pytest.raises(TypeError, match=r"model is a torch\.nn\.Module; got a dict"):
        gp.prune({}, "magnitude", 0.5)  # type: ignore[arg-type]


def test_a_network_that_collapses_says_so_and_is_cut(
    plain_net: nn.Module, batches: list[Batch]
) -> None:
    with pytest.raises(gp.LayerCollapse, match="no path of kept weights"):
        gp.prune(plain_net, "magnitude", 0.999, batches=batches)
    assert gp.read_masks(plain_net).sparsity == pytest.approx(0.999, abs=1e-3)
    assert gp.count_cost(plain_net, batches[0][0]).effective == 1


def test_an_error_in_scoring_leaves_the_network_dense(plain_net: nn.Module) -> None:
    def broken(model: nn.Module, batches: Sequence[Batch], loss: Loss) -> dict[str, Tensor]:
        if gp.sparsity(model) == 0 and gp.read_masks(model).sparsity > 0:
            raise RuntimeError("in the second round")
        return {f"{n}.weight": layer.weight.detach() for n, layer in _masked(model)}

    with pytest.raises(RuntimeError, match="in the second round"):
        gp.prune(plain_net, broken, 0.5, rounds=2, schedule="linear")
    assert gp.read_masks(plain_net).sparsity == 0


def test_a_hydra_app_of_the_users_own_goes_on(plain_net: nn.Module, tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("a: 1\n")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        gp.prune(plain_net, "random", 0.5)
        assert compose("app").a == 1
    assert not GlobalHydra.instance().is_initialized()
