"""Optimizer steps on kept weights alone end where those on dense matrices do."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from goldpan.layers.masked import MaskedLinear
from goldpan.layers.sparse_linear import SparseLinear
from goldpan.masks import Masks, write_masks
from goldpan.models.initialize import seeded
from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]


@pytest.fixture(autouse=True)
def _small_layers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers of a few weights compute with the kept ones as well."""
    monkeypatch.setattr("goldpan.layers.sparse_linear.SMALLEST", 1)


def sparse(seed: int, draw: int = 0) -> nn.Module:
    """A hidden layer of which a tenth is kept at most, and an output layer that is whole."""
    with seeded(seed):
        net = nn.Sequential(nn.Flatten(), MaskedLinear(64, 40), nn.ReLU(), MaskedLinear(40, 10))
    write_masks(net, masks(draw))
    return net


def masks(draw: int) -> Masks:
    drawn = torch.rand(40, 64, generator=torch.Generator().manual_seed(draw)) < 0.08
    return Masks({"1.weight": drawn, "3.weight": torch.ones(10, 40, dtype=torch.bool)})


def penalty(model: nn.Module, _: Any) -> Tensor:
    return 1e-2 * model[1].weight.square().sum()  # type: ignore[index,union-attr]


SGD = partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-2)


def both(build: Build, **options: Any) -> list[Classifier]:
    return [build(sparse, sparse_linear=how, **options) for how in (False, True)]


def check_same(one: Classifier, other: Classifier) -> None:
    for name, value in one.net.state_dict().items():
        torch.testing.assert_close(other.net.state_dict()[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "training"),
    [
        ({"optimizer": SGD}, {}),
        ({"optimizer": partial(SGD, fused=True)}, {}),
        ({"optimizer": partial(torch.optim.AdamW, lr=1e-2)}, {}),
        ({"optimizer": SGD, "decay": 0.01}, {}),
        ({"optimizer": SGD, "penalty": penalty}, {}),
        ({"optimizer": SGD}, {"gradient_clip_val": 0.1}),
    ],
    ids=["sgd", "fused", "adam", "decay", "penalty", "clipped"],
)
def test_weights_end_where_dense_steps_take_them(
    fit: Fit, build: Build, options: dict[str, Any], training: dict[str, Any]
) -> None:
    systems = both(build, **options)
    for system in systems:
        fit(system, epochs=2, **training)
    check_same(*systems)
    assert not any(isinstance(layer, SparseLinear) for layer in systems[1].net)  # type: ignore[attr-defined]


class Moves(pl.Callback):
    """Changes the masks in mid-training, and notes what the optimizer saw."""

    def __init__(self) -> None:
        self.stepped: list[tuple[int, ...]] = []

    def on_before_zero_grad(self, trainer: pl.Trainer, system: Any, optimizer: Any) -> None:
        memory = optimizer.state.get(system.layers[0].weight, {}).get("momentum_buffer")
        self.stepped += [tuple(memory.shape)] if memory is not None else []

    def on_train_batch_end(self, trainer: pl.Trainer, system: Any, *_: object) -> None:
        assert system.layers[0].weight.shape == (40, 64)
        if trainer.global_step == 3:
            system.change_masks(masks(1))


def test_masks_that_move_take_the_memory_of_kept_weights_along(fit: Fit, build: Build) -> None:
    systems, moves = both(build, optimizer=SGD), [Moves(), Moves()]
    for system, callback in zip(systems, moves, strict=True):
        fit(system, callback, epochs=2)
    check_same(*systems)
    assert set(moves[0].stepped) == {(40, 64)}
    kept = [(int(masks(draw)["1.weight"].sum()),) for draw in (0, 1)]
    assert {*kept} <= set(moves[1].stepped)


def test_a_checkpoint_has_dense_memory_and_a_resumed_run_ends_alike(
    fit: Fit, build: Build, tmp_path: Path
) -> None:
    whole, other = build(sparse, sparse_linear=True, optimizer=SGD), build(sparse, optimizer=SGD)
    fit(whole, epochs=2)
    fit(build(sparse, sparse_linear=True, optimizer=SGD), epochs=1)
    (path,) = tmp_path.glob("last*.ckpt")
    (memory,) = {
        value["momentum_buffer"].shape
        for value in torch.load(path)["optimizer_states"][0]["state"].values()
        if value["momentum_buffer"].dim() == 2 and len(value["momentum_buffer"]) == 40
    }
    assert memory == (40, 64)
    fit(other, epochs=2, resume=path)  # with dense steps from there on
    check_same(whole, other)
