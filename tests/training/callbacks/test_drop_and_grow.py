"""Dynamic sparse training on a hundred digits: four steps an epoch."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from goldpan.allocation.global_top import global_top
from goldpan.allocation.layerwise import layerwise
from goldpan.data.sampling import Sampling
from goldpan.masks import Masks, masked_layers, read_masks, revived
from goldpan.regrowth import grow
from goldpan.regrowth.counts import by_layer, by_momentum
from goldpan.schedules.calendar import every, updates
from goldpan.schedules.drop_fraction import constant
from goldpan.schedules.sparsity import cubic, one_shot
from goldpan.scorers.magnitude import magnitude
from goldpan.scorers.random import random
from goldpan.training.callbacks.drop_and_grow import DropAndGrow
from goldpan.training.callbacks.prune_during import PruneDuring
from goldpan.training.classifier import Classifier
from goldpan.training.length import Length

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]

EACH_TWO_STEPS = partial(updates, interval="2it")
CEIL = partial(by_layer, rounding="ceil")
RANDOM = partial(grow.random, seed=0)


def drop_and_grow(**options: Any) -> DropAndGrow:
    chosen = {
        "schedule": partial(one_shot, target=0.8),
        "allocator": layerwise,
        "calendar": EACH_TWO_STEPS,
        "fraction": partial(constant, start=0.5),
        "grow": grow.gradient,
        "count": CEIL,
    }
    return DropAndGrow(partial(random, seed=0), sampling=Sampling(per_class=1), **chosen | options)


class Watch(pl.Callback):
    """Masks, weights and momentum behind each step; put it after the pruner."""

    def __init__(self) -> None:
        self.masks: list[Masks] = []
        self.weights: list[dict[str, Tensor]] = []
        self.momenta: list[dict[str, Tensor]] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        assert isinstance(pl_module, Classifier)
        state = trainer.optimizers[0].state
        layers = masked_layers(pl_module.net)
        self.masks.append(read_masks(pl_module.net))
        self.weights.append({name: layer.weight.detach().clone() for name, layer in layers.items()})
        self.momenta.append(
            {
                name: state[layer.weight]["momentum_buffer"].clone()
                for name, layer in layers.items()
                if state[layer.weight]
            }
        )
        assert revived(pl_module.layers) == 0

    def moved(self, step: int) -> bool:
        """Whether the masks behind this step differ from those behind the one before."""
        return any(
            not torch.equal(mask, self.masks[step - 1][name])
            for name, mask in self.masks[step].items()
        )


@pytest.mark.parametrize("growth", [grow.gradient, RANDOM])
def test_masks_move_at_the_calendars_steps_and_every_layer_keeps_its_count(
    fit: Fit, build: Build, growth: Any
) -> None:
    watch, pruner = Watch(), drop_and_grow(grow=growth)
    fit(build(), pruner, watch, epochs=2)
    assert [step for step in range(1, 8) if watch.moved(step)] == [1, 3, 5]  # behind steps 2, 4, 6
    for masks in watch.masks:
        assert {name: int(m.sum()) for name, m in masks.items()} == {
            name: int(m.sum()) for name, m in watch.masks[0].items()
        }
    assert watch.masks[0].sparsity == pytest.approx(0.8, abs=0.001)
    assert pruner.regrowth.updates == 3


def test_what_grows_starts_from_zero_without_momentum(fit: Fit, build: Build) -> None:
    watch = Watch()
    fit(build(), drop_and_grow(), watch)
    for name, mask in watch.masks[1].items():
        newborn = mask & ~watch.masks[0][name]
        assert newborn.any()
        for values in (watch.weights[1][name], watch.momenta[1][name]):
            assert not values[newborn].any()
            assert not values[~mask].any()
        assert watch.weights[2][name][newborn].any()  # the next step moves it


def test_a_dropped_weight_that_returns_at_once_goes_on_or_restarts(fit: Fit, build: Build) -> None:
    everything = partial(constant, start=1 - 1e-9)  # all kept weights are dropped

    def magnitude_again(layer: Any) -> Tensor:
        return layer.weight.abs()

    kept, lost = Watch(), Watch()
    fit(build(), drop_and_grow(fraction=everything, grow=magnitude_again), kept)
    fit(build(), drop_and_grow(fraction=everything, grow=magnitude_again, restart=True), lost)
    for name, mask in kept.masks[1].items():
        assert torch.equal(mask, kept.masks[0][name])
        assert kept.weights[1][name][mask].all()
        assert not lost.weights[1][name].any()


def test_grown_weights_may_be_drawn(fit: Fit, build: Build) -> None:
    watch = Watch()
    fit(build(), drop_and_grow(newborn_deviation=0.1, grow=RANDOM), watch)
    born = [watch.weights[1][name][m & ~watch.masks[0][name]] for name, m in watch.masks[1].items()]
    drawn = torch.cat(born)
    assert 0.05 < drawn.std() < 0.15
    assert drawn.all()


def test_rigls_update_takes_the_place_of_the_step(fit: Fit, build: Build) -> None:
    calendar = partial(updates, interval="2it", begin="0it")
    watch, system = Watch(), build()
    fit(system, drop_and_grow(calendar=calendar, replaces_step=True), watch)
    assert [step for step in range(1, 4) if watch.moved(step)] == [2]
    for name, weight in watch.weights[2].items():
        stayed = watch.masks[1][name] & watch.masks[2][name]
        assert torch.equal(weight[stayed], watch.weights[1][name][stayed])
        assert not weight[~stayed].any()
    # The first update comes before any step, so the optimizer remembers nothing behind it.
    assert not watch.momenta[0]


def test_growth_sees_the_gradients_of_cut_weights(fit: Fit, build: Build) -> None:
    seen: list[Tensor] = []

    def growth(layer: Any) -> Tensor:
        seen.append(layer.gradient[~layer.mask])
        return grow.gradient(layer)

    fit(build(), drop_and_grow(grow=growth))
    assert all(gradient.any() for gradient in seen)


def test_without_growth_the_schedule_is_gradual_magnitude_pruning(fit: Fit, build: Build) -> None:
    """GraNet with a drop fraction of 0 keeps what global magnitude pruning keeps."""
    rising = partial(cubic, target=0.9)
    pruner = drop_and_grow(
        schedule=rising,
        pruning=global_top,
        prune_until="6it",
        fraction=partial(constant, start=0.0),
    )
    granet, gradual = build(), build()
    fit(granet, pruner, epochs=2)
    calendar = partial(every, interval="2it", begin="0it", end="6it")
    fit(
        gradual,
        PruneDuring(magnitude, global_top, rising, Sampling(per_class=1), calendar=calendar),
        epochs=2,
    )
    for name, value in gradual.net.state_dict().items():
        assert torch.equal(value, granet.net.state_dict()[name]), name


def test_granet_reaches_the_sparsity_exactly_and_goes_on_moving(fit: Fit, build: Build) -> None:
    """Half to 0.9 in four prunings: 0.5, 0.73125, 0.85, 0.89375, 0.9."""
    watch = Watch()
    pruner = drop_and_grow(
        schedule=partial(cubic, target=0.9, initial=0.5),
        pruning=global_top,
        prune_until="8it",
        fraction=partial(constant, start=0.3),
    )
    fit(build(), pruner, watch, epochs=3)
    total = watch.masks[0].total
    found = [watch.masks[step].sparsity for step in (0, 1, 3, 5, 7, 9)]
    assert found == pytest.approx([0.5, 0.73125, 0.85, 0.89375, 0.9, 0.9], abs=1 / total)
    assert watch.moved(9)


def test_snfs_grows_by_the_momentum_of_dense_gradients_and_keeps_it(fit: Fit, build: Build) -> None:
    dense: dict[str, Tensor] = {}

    class Gather(pl.Callback):
        """m <- 0.9 m + g of every weight, kept or cut."""

        def on_before_optimizer_step(
            self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Any
        ) -> None:
            assert isinstance(pl_module, Classifier)
            for name, layer in masked_layers(pl_module.net).items():
                assert layer.weight.grad is not None
                dense[name] = 0.9 * dense.get(name, torch.zeros(())) + layer.weight.grad

    watch = Watch()
    pruner = drop_and_grow(grow=grow.momentum, count=by_momentum, dense_momentum=True)
    fit(build(), Gather(), pruner, watch)
    assert watch.moved(1)
    for name, mask in watch.masks[3].items():
        assert torch.allclose(watch.momenta[3][name], dense[name], atol=1e-6)
        newborn = mask & ~watch.masks[0][name]
        assert not newborn.any() or watch.momenta[1][name][newborn].all()
    assert watch.masks[3].kept == watch.masks[0].kept


def test_a_run_that_was_cut_short_ends_like_an_undisturbed_one(
    fit: Fit, build: Build, tmp_path: Path
) -> None:
    options = {"grow": RANDOM, "calendar": partial(updates, interval="3it")}
    whole, begun, resumed = build(), build(), build()
    undisturbed, again = drop_and_grow(**options), drop_and_grow(**options)
    fit(whole, undisturbed, epochs=3)
    fit(begun, drop_and_grow(**options), epochs=2)
    fit(resumed, again, epochs=3, resume=tmp_path / "last.ckpt")
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, resumed.net.state_dict()[name]), name
    assert again.regrowth == undisturbed.regrowth


def test_a_calendar_that_never_fires_is_refused_before_any_work(data: Any) -> None:
    with pytest.raises(ValueError, match="never be updated"):
        drop_and_grow(calendar=partial(updates, interval="9it")).check(data, Length(8, 4))
