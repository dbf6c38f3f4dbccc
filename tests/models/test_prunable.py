import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from torch import nn
from written_networks import WIDTH, Written

from goldpan.cost import cost
from goldpan.layers.masked import MaskedLinear
from goldpan.masks import masked_layers, read_masks
from goldpan.models.prunable import dense_sentence, left_dense, make_prunable
from goldpan.runs.experiment import run
from goldpan.runs.record import WEIGHTS
from goldpan.runs.refusal import Refusal

SHAPE, CLASSES = (1, 8, 8), 10
FIRST, SECOND, HEAD = 64 * WIDTH, WIDTH * WIDTH, WIDTH * CLASSES


def made(habit: str) -> nn.Module:
    torch.manual_seed(0)
    return make_prunable(Written(habit, CLASSES, 1, 8), SHAPE, CLASSES)


@pytest.mark.parametrize(
    ("habit", "masked", "uses", "dense"),
    [
        ("plain", FIRST + SECOND + HEAD, 0, {}),
        ("lazy", FIRST + SECOND + HEAD, 0, {}),
        ("branch", FIRST + SECOND + HEAD, 0, {}),
        ("tied", FIRST + SECOND + HEAD, SECOND, {}),
        ("shared", FIRST + SECOND + HEAD, SECOND, {}),
        ("function", FIRST + SECOND + HEAD, SECOND, {}),
        ("bare", FIRST + SECOND + HEAD, SECOND, {"weight": "Written"}),
        ("spare", FIRST + SECOND + HEAD, 0, {"spare.weight": "Linear without a mask"}),
        (
            "normed",
            HEAD,
            FIRST + SECOND,
            {"first.weight": "WeightNorm", "second.weight": "SpectralNorm"},
        ),
        (
            "lstm",
            SECOND + HEAD,
            8 * 4 * WIDTH * (8 + WIDTH),  # eight steps of four gates
            {"first.weight_ih_l0": "LSTM", "first.weight_hh_l0": "LSTM"},
        ),
        (
            "gru",
            SECOND + HEAD,
            8 * 3 * WIDTH * (8 + WIDTH),
            {"first.weight_ih_l0": "GRU", "first.weight_hh_l0": "GRU"},
        ),
        (
            "attention",
            8 * WIDTH + 2 * SECOND + HEAD,
            # Eight positions of the first layer, the packed projections and the last; the products.
            7 * 8 * WIDTH + 8 * 3 * SECOND + 7 * SECOND + 2 * 8 * 8 * WIDTH,
            {"mix.in_proj_weight": "MultiheadAttention"},
        ),
    ],
)
def test_masks_reach_each_weight_once_and_the_others_are_named(
    habit: str, masked: int, uses: int, dense: dict[str, str]
) -> None:
    """`uses` are the multiply-adds of one image beyond one for each masked weight."""
    net = made(habit)
    assert read_masks(net).total == masked
    assert left_dense(net) == dense
    branches = SECOND if habit == "branch" and cost(net, SHAPE).flops > 2 * masked else 0
    assert cost(net, SHAPE).flops == 2 * (masked + uses + branches)


@pytest.mark.parametrize("habit", ["tied", "shared", "function"])
def test_a_cut_weight_costs_nothing_wherever_it_is_used(habit: str) -> None:
    net = made(habit)
    masked_layers(net)["second.weight"].mask[0] = False
    spent = cost(net, SHAPE)
    assert spent.flops - spent.flops_kept == 2 * 2 * WIDTH
    assert spent.parameters - spent.parameters_kept == WIDTH


@pytest.mark.parametrize(
    ("habit", "sentence"),
    [
        ("tuple", r"return logits of shape \(N, 10\) as one tensor, got a tuple; let its forward"),
        ("dict", r"as one tensor, got a dict"),
        ("narrow", r"got \(N, 3\)"),
        pytest.param(
            "old_norm",
            r"Written keeps a tensor that it computed, .*torch\.nn\.utils\.parametrizations",
            marks=pytest.mark.filterwarnings("ignore::FutureWarning"),
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_in_one_sentence(habit: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        made(habit)


def test_a_network_without_a_layer_to_mask_is_refused() -> None:
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ValueError, match=r"has no plain nn.Conv2d or nn.Linear, whose weights"):
        make_prunable(net, (CLASSES, 8, 8), CLASSES)


def test_a_network_that_does_not_take_the_images_is_refused_with_its_own_error() -> None:
    with pytest.raises(ValueError, match=r"images of shape \(N, 3, 8, 8\); .* mat1 and mat2"):
        make_prunable(Written("plain", CLASSES, 1, 8), (3, 8, 8), CLASSES)


def test_the_network_stays_as_it_was_but_for_its_masks() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, CLASSES))
    before, state = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    make_prunable(net, SHAPE, CLASSES)
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())
    assert net.training
    assert torch.equal(torch.get_rng_state(), state)


def test_a_network_that_has_masks_keeps_its_other_layers_dense() -> None:
    net = nn.Sequential(nn.Flatten(), MaskedLinear(64, 8), nn.Linear(8, CLASSES))
    assert list(masked_layers(make_prunable(net, SHAPE, CLASSES))) == ["1.weight"]
    assert left_dense(net) == {"2.weight": "Linear without a mask"}


def test_the_sentence_names_the_first_few() -> None:
    assert dense_sentence({}) == ""
    named = {f"layers.{i}.weight": "GRU" for i in range(6)}
    assert dense_sentence(named) == (
        "left dense: layers.0.weight (GRU), layers.1.weight (GRU), layers.2.weight (GRU), "
        "layers.3.weight (GRU) and 2 more"
    )


Configure = Callable[..., DictConfig]
GROUPS = {"dataset": "digits", "model": "vgg11", "method": "snip", "recipe": "quick"}


def options(habit: str, method: str) -> list[str]:
    built = ["model._target_=written_networks.build", f"+model.habit={habit}"]
    built += ["~model.width", "~model.bias", "~model.initialization"]
    short = ["recipe=quick", "recipe.epochs=1", "dataset.limit=200", "recipe.batch_size=50"]
    return [*built, *short, f"method={method}", "sparsity=0.75", "progress=false"]


@pytest.mark.parametrize(
    ("habit", "method"),
    [
        ("tied", "snip"),
        ("lstm", "grasp"),
        ("attention", "grasp"),
        ("normed", "snip"),
        ("shared", "rigl"),
        ("branch", "snip"),
        ("spare", "gmp"),
    ],
)
def test_a_run_keeps_cut_weights_at_zero_and_records_what_is_dense(
    configure: Configure,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    habit: str,
    method: str,
) -> None:
    words = options(habit, method)
    record = run(configure(*words), GROUPS | {"method": method}, words)
    assert record.weights is not None
    assert record.weights.sparsity.got == pytest.approx(0.75, abs=0.005)
    state = torch.load(next(tmp_path.glob(f"digits*/{WEIGHTS}")))
    net = made(habit)
    net.load_state_dict(state)
    assert record.weights.prunable == read_masks(net).total
    assert record.weights.sparsity.got == read_masks(net).sparsity
    for layer in masked_layers(net).values():
        assert (layer.weight[~layer.mask] == 0).all()
        assert (layer.weight[layer.mask] != 0).all()
    sentence = dense_sentence(left_dense(net))
    assert record.weights.left_dense == left_dense(net)
    assert capsys.readouterr().out.startswith(sentence)


def test_a_run_refuses_a_tuple_before_any_work(configure: Configure, tmp_path: Path) -> None:
    words = options("tuple", "snip")
    with pytest.raises(Refusal, match=r"got a tuple; let its forward return the logits alone"):
        run(configure(*words), GROUPS, words)
    assert not list(tmp_path.rglob("metrics.csv"))
