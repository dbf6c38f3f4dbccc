"""What callbacks may do to a network while it trains."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from goldpan.allocation.layerwise import layerwise
from goldpan.layers.masked import MaskedLinear
from goldpan.masks import Masks, read_masks, revived
from goldpan.training.classifier import Classifier
from goldpan.types import Batch

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]
NAME = "0.weight"
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": partial(SGD, lr=0.05, momentum=0.9, weight_decay=0.1),
    "nesterov, foreach": partial(SGD, lr=0.05, momentum=0.9, nesterov=True, foreach=True),
    "sgd, fused": partial(SGD, lr=0.05, momentum=0.9, weight_decay=0.1, fused=True),
    "adam": partial(Adam, lr=0.01, weight_decay=0.1),
    "adam, foreach": partial(Adam, lr=0.01, amsgrad=True, foreach=True),
    "adamw, fused": partial(AdamW, lr=0.01, weight_decay=0.1, fused=True),
}


class BeforeStep(pl.Callback):
    """Calls `act(system, step)` before each optimizer step."""

    def __init__(self, act: Callable[[Classifier, int], None]) -> None:
        self.act = act

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        self.act(pl_module, trainer.global_step)  # type: ignore[arg-type]


class AfterBatch(pl.Callback):
    """Calls `act(system, step)` after each training batch."""

    def __init__(self, act: Callable[[Classifier, int], None]) -> None:
        self.act = act

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        self.act(pl_module, trainer.global_step)  # type: ignore[arg-type]


def halve(net: nn.Module, seed: int = 0) -> Masks:
    """Random masks that keep half of each layer."""
    generator = torch.Generator().manual_seed(seed)
    masks = read_masks(net)
    scores = {n: torch.rand(mask.shape, generator=generator) for n, mask in masks.items()}
    everything = Masks({name: torch.ones_like(mask) for name, mask in masks.items()})
    return layerwise(scores, 0.5, everything)


def first(system: Classifier) -> Tensor:
    return system.layers[0].weight


def memory(system: Classifier) -> list[Tensor]:
    """Copies of all that the optimizer remembers of the first layer."""
    (optimizer,) = system.trainer.optimizers
    return [value.clone() for value in optimizer.state.get(first(system), {}).values()]


def state(system: Classifier) -> list[Tensor]:
    """Copies of all weights and of all that the optimizer remembers."""
    (optimizer,) = system.trainer.optimizers
    memories = [torch.as_tensor(v) for m in optimizer.state.values() for v in m.values()]
    return [value.detach().clone() for value in [*system.net.parameters(), *memories]]


def test_a_callback_sees_the_gradient_of_cut_weights(fit: Fit, build: Build) -> None:
    seen: list[float] = []

    def act(system: Classifier, step: int) -> None:
        if step == 0:
            system.change_masks(halve(system.net))
        gradient = first(system).grad
        assert gradient is not None
        seen.append(float(gradient[~system.layers[0].mask].abs().min()))

    system = build()
    fit(system, BeforeStep(act))
    assert len(seen) == 4
    assert all(smallest > 0 for smallest in seen)
    assert revived(system.layers) == 0


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_skipped_step_moves_neither_weights_nor_memory(name: str, fit: Fit, build: Build) -> None:
    states: dict[int, list[Tensor]] = {}

    def skip(system: Classifier, step: int) -> None:
        if step == 2:
            system.skip_step()

    def keep(system: Classifier, step: int) -> None:
        states[step] = state(system)

    fit(build(optimizer=OPTIMIZERS[name]), BeforeStep(skip), AfterBatch(keep))
    assert sorted(states) == [1, 2, 3, 4]
    same = [
        all(torch.equal(a, b) for a, b in zip(states[step], states[step + 1], strict=True))
        for step in (1, 2, 3)
    ]
    assert same == [False, True, False]


def test_a_step_can_be_skipped_under_a_gradient_scaler_unless_the_optimizer_is_fused(
    fit: Fit, build: Build
) -> None:
    def skip(system: Classifier, step: int) -> None:
        system.skip_step()

    def half(**options: Any) -> Classifier:
        system = build(optimizer=partial(SGD, lr=0.05, momentum=0.9, **options))
        fit(system, BeforeStep(skip), plugins=[MixedPrecision("16-mixed", "cpu")])
        return system

    plain, fresh = half(), build()
    assert torch.equal(first(plain), first(fresh))
    with pytest.raises(ValueError, match=r"needs recipe\.optimizer\.fused=false at 16-mixed"):
        half(fused=True)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_cut_weights_are_forgotten_and_grown_ones_start_from_zero(
    name: str, fit: Fit, build: Build
) -> None:
    before, after = (halve(build().net, seed) for seed in (0, 1))
    grown = after[NAME] & ~before[NAME]

    def change(system: Classifier, step: int) -> None:
        if step == 2:
            system.change_masks(before)
            cut = ~before[NAME]
        elif step == 3:
            system.change_masks(after)
            cut = ~after[NAME] | grown
        else:
            return
        assert not first(system)[cut].any()
        shaped = [value for value in memory(system) if value.shape == cut.shape]
        assert shaped
        for value in shaped:
            assert not value[cut].any()
            assert value[before[NAME] & after[NAME]].any()

    system = build(optimizer=OPTIMIZERS[name])
    fit(system, AfterBatch(change))
    assert first(system)[grown].all()  # after one more step
    assert revived(system.layers) == 0


class DropAndGrow(pl.Callback):
    """RigL in short: at every eighth step the weakest weights go, those that would learn grow."""

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        assert isinstance(pl_module, Classifier)
        if trainer.global_step % 8 != 7:
            return
        masks = read_masks(pl_module.net)
        for layer, mask in zip(pl_module.layers, masks.values(), strict=True):
            weakest = layer.weight.abs().masked_fill(~mask, torch.inf).flatten().argsort()
            strongest = layer.weight.grad.abs().masked_fill(mask, -1).flatten().argsort()  # type: ignore[union-attr]
            mask.view(-1)[weakest[:5]], mask.view(-1)[strongest[-5:]] = False, True
        pl_module.change_masks(masks)
        pl_module.skip_step()


@pytest.mark.parametrize("optimizer", [partial(SGD, lr=0.3, momentum=0.9), partial(Adam, lr=0.03)])
def test_drop_and_grow_trains_with_a_constant_number_of_weights(
    optimizer: Callable[..., Optimizer], fit: Fit, build: Build
) -> None:
    kept, losses = list[int](), list[float]()

    class Begin(pl.Callback):
        def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            pl_module.change_masks(halve(pl_module.net))  # type: ignore[operator,arg-type]

        def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            losses.append(float(trainer.callback_metrics["train/loss"]))

    def count(system: Classifier, step: int) -> None:
        kept.append(read_masks(system.net).kept)
        assert revived(system.layers) == 0

    system = build(optimizer=optimizer)
    fit(system, Begin(), DropAndGrow(), AfterBatch(count), epochs=12)
    assert set(kept) == {halve(system.net).kept}
    assert not torch.equal(read_masks(system.net)[NAME], halve(system.net)[NAME])
    assert losses[-1] < losses[0] - 0.2


def test_a_penalty_sees_the_network_and_the_batch(fit: Fit, build: Build) -> None:
    seen: list[tuple[nn.Module, torch.Size]] = []

    def penalty(model: nn.Module, batch: Batch) -> Tensor:
        seen.append((model, batch[0].shape))
        return model[0].weight.square().sum() * len(batch[1])  # type: ignore[index,no-any-return,operator]

    system, plain = build(penalty=penalty), build()
    fit(system)
    fit(plain)
    assert seen == [(system.net, torch.Size([25, 1, 8, 8]))] * 4
    assert first(system).norm() < first(plain).norm()


def test_a_network_that_replaces_another_is_trained_and_saved_alone(build: Build) -> None:
    system, small = build(), nn.Sequential(nn.Flatten(), MaskedLinear(64, 10))
    whole = system.net
    system.replace_network(small, whole)
    assert system.whole is whole
    assert {id(p) for p in system.parameters()} == {id(p) for p in small.parameters()}
    assert set(system.state_dict()) == {"net.1.weight", "net.1.bias", "net.1.mask"}
    system.replace_network(whole)
    assert system.whole is system.net is whole


def test_a_resumed_run_repeats_dropout(fit: Fit, build: Build, tmp_path: Path) -> None:
    def network(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), MaskedLinear(64, 10))

    whole, begun, resumed = (build(network) for _ in range(3))
    fit(whole, epochs=2)
    fit(begun)
    torch.manual_seed(99)
    fit(resumed, epochs=2, resume=tmp_path / "last.ckpt")
    assert torch.equal(first(resumed), first(whole))
    assert not torch.equal(first(begun), first(whole))


@pytest.mark.parametrize(
    ("moves", "rates"),
    [
        ("epoch", [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5]),
        ("step", [1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]),
    ],
)
def test_the_learning_rate_moves_at_each_epoch_or_at_each_step(
    fit: Fit, build: Build, moves: str, rates: list[float]
) -> None:
    found: list[float] = []

    def note(system: Classifier, step: int) -> None:
        found.append(system.trainer.optimizers[0].param_groups[0]["lr"] / 0.05)

    system = build(learning_rate=lambda progress: 1 - progress, rate_moves=moves)
    fit(system, BeforeStep(note), epochs=2)
    assert found == pytest.approx(rates)


def halve_at_2(system: Classifier, step: int) -> None:
    if step == 2:
        system.change_masks(halve(system.net))


@pytest.mark.parametrize("compiled", [True, "reduce-overhead"])
def test_a_compiled_network_trains_as_it_is_and_keeps_its_masks(
    build: Build, fit: Fit, compiled: bool | str, compile_modes: list[str | None]
) -> None:
    """Masks that change in training reach it: they and the weights are changed in place."""
    ends = []
    for how in (False, compiled):
        system = build(compiled=how)
        fit(system, BeforeStep(halve_at_2))
        assert revived(system.layers) == 0
        ends.append(system.net.state_dict())
    assert compile_modes == [None if compiled is True else compiled]
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value)


@pytest.mark.gpu
def test_graphs_of_a_gpu_train_as_its_kernels_do(build: Build, fit: Fit) -> None:
    ends = []
    for how in (False, "reduce-overhead"):
        system = build(compiled=how)
        fit(system, BeforeStep(halve_at_2), accelerator="gpu")
        assert revived(system.layers) == 0
        ends.append(system.net.cpu().state_dict())
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, rtol=1e-3, atol=1e-4)
