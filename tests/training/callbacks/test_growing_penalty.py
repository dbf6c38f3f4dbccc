from collections.abc import Callable
from functools import partial
from math import prod
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from goldpan.allocation.layerwise import layerwise
from goldpan.data.sampling import Sampling
from goldpan.layers.masked import MaskedLinear
from goldpan.masks import masked_layers, read_masks, revived
from goldpan.schedules.sparsity import one_shot
from goldpan.scorers.magnitude import magnitude
from goldpan.training.callbacks.growing_penalty import GrowingPenalty
from goldpan.training.classifier import Classifier
from goldpan.training.length import Length

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]

GREG_1 = {"begin": "2it", "end": "7it", "cut": "9it", "interval": "2it", "ceiling": 0.3}
GREG_2 = {"begin": "0it", "choose": "4it", "end": "8it", "cut": "9it", "interval": "2it"}
GREG_2 |= {"separation": 0.1, "ceiling": 0.5, "recovery": -0.01}  # type: ignore[dict-item]
PLAIN = {"optimizer": lambda groups: torch.optim.SGD(groups, 0.1)}


def penalty(sparsity: float = 0.7, **options: Any) -> GrowingPenalty:
    schedule = partial(one_shot, target=sparsity)
    return GrowingPenalty(magnitude, layerwise, schedule, Sampling(per_class=1), **options)


class Weights(pl.Callback):
    """The weights after each training step, and whether they are all dense then."""

    def __init__(self) -> None:
        self.found: list[dict[str, Tensor]] = []
        self.sparsities: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        assert isinstance(pl_module, Classifier)
        layers = masked_layers(pl_module.net)
        self.found.append({name: w.weight.detach().clone() for name, w in layers.items()})
        self.sparsities.append(read_masks(pl_module.net).sparsity)
        assert revived(pl_module.layers) == 0


@pytest.mark.parametrize(
    ("options", "chosen", "others"),
    [
        (GREG_1, [0, 0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.3, 0, 0], [0] * 11),
        (
            GREG_2,
            [0.05, 0.05, 0.1, 0.1, 0.3, 0.3, 0.5, 0.5, 0.5, 0, 0],
            [0.05, 0.05, 0.1, 0.1, *[-0.01] * 5, 0, 0],
        ),
    ],
    ids=["greg_1", "greg_2"],
)
def test_the_factors_rise_with_each_update_stay_and_end_with_the_cut(
    options: dict[str, Any], chosen: list[float], others: list[float]
) -> None:
    grows = penalty(**options)
    grows.plan(Length(12, 4))
    found = [grows.growth.factors(step) for step in range(11)]
    assert [factor for factor, _ in found] == pytest.approx(chosen)
    assert [factor for _, factor in found] == pytest.approx(others)


def test_the_papers_factor_rises_by_1e_4_in_each_of_10_000_updates() -> None:
    long = {"begin": "0it", "end": "100000it", "cut": "110000it", "interval": "10it"}
    grows = penalty(ceiling=1.0, **long)
    grows.plan(Length(200_000, 390))
    assert [grows.growth.factors(step)[0] for step in (0, 9, 10, 99_999, 109_999)] == pytest.approx(
        [1e-4, 1e-4, 2e-4, 1, 1]
    )


def test_without_a_loss_the_smallest_weights_decay_by_the_product_and_then_are_cut(
    fit: Fit, build: Build
) -> None:
    """w = w0 * product of (1 - rate * factor); the others stay. 170 of 566 weights are kept."""
    system, weights = build(loss=lambda logits, y: 0 * logits.sum(), **PLAIN), Weights()
    start = {name: w.weight.detach().clone() for name, w in masked_layers(system.net).items()}
    fit(system, penalty(**GREG_1), weights, epochs=3)
    masks = read_masks(system.net)
    for done in range(9):
        left = prod(1 - 0.1 * f for f in [0, 0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.3][: done + 1])
        for name, w in start.items():
            expected = torch.where(masks[name], w, w * left)
            torch.testing.assert_close(weights.found[done][name], expected, rtol=1e-6, atol=1e-8)
    assert weights.sparsities[:9] == [0] * 9
    assert weights.sparsities[9:] == [1 - 170 / 566] * 3
    for name, w in start.items():
        assert w[~masks[name]].abs().max() <= w[masks[name]].abs().min()
        assert int((~masks[name]).sum()) == pytest.approx(0.7 * w.numel(), abs=1)


class Wells(nn.Module):
    """Answers two weights, to each image."""

    def __init__(self) -> None:
        super().__init__()
        self.wells = MaskedLinear(2, 1, bias=False)
        with torch.no_grad():
            self.wells.weight.copy_(torch.tensor([[1.0, 0.9]]))

    def forward(self, x: Tensor) -> Tensor:
        return self.wells.weight.expand(len(x), 2)


def curved(answer: Tensor, _: Tensor) -> Tensor:
    """h / 2 (w - w0)^2, h = (1, 4), w0 = (1, 0.9)."""
    offset = answer[0] - answer.new_tensor([1.0, 0.9])
    return (answer.new_tensor([0.5, 2.0]) * offset.square()).sum()


@pytest.mark.parametrize(("begin", "kept"), [("30it", [True, False]), ("0it", [False, True])])
def test_the_first_way_cuts_what_is_small_and_the_second_what_the_loss_holds_least(
    fit: Fit, build: Build, begin: str, kept: list[bool]
) -> None:
    """Under the factor 1 weights come to h w0 / (h + 1): (0.5, 0.72)."""
    system, weights = build(lambda seed: Wells(), loss=curved, **PLAIN), Weights()
    times = {"begin": begin, "choose": "30it", "end": "34it", "cut": "36it", "interval": "30it"}
    fit(system, penalty(0.5, separation=1.0, ceiling=2.0, **times), weights, epochs=10)
    (before,) = weights.found[29].values()
    expected = [0.5, 0.72] if begin == "0it" else [1, 0.9]
    assert before[0].tolist() == pytest.approx(expected, abs=1e-3)
    (mask,) = read_masks(system.net).values()
    assert mask[0].tolist() == kept


class Killed(pl.Callback):
    """Ends the process' part of a run before an epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 1:
            raise InterruptedError


@pytest.mark.parametrize("choose", ["3it", "4it", "5it"])
def test_a_run_that_was_killed_goes_on_bit_for_bit(
    fit: Fit, build: Build, tmp_path: Path, choose: str
) -> None:
    """Killed after four steps: behind the choice, just at it, and before it."""
    options = GREG_2 | {"choose": choose, "interval": "1it", "shuffle": True}
    whole, half, resumed = build(), build(), build()
    fit(whole, penalty(**options), epochs=3)
    with pytest.raises(InterruptedError):
        fit(half, penalty(**options), Killed(), epochs=3)
    fit(resumed, penalty(**options), epochs=3, resume=tmp_path / "last.ckpt")
    expected, found = whole.net.state_dict(), resumed.net.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert read_masks(resumed.net).kept == 170


@pytest.mark.parametrize(
    ("time", "value"), [("choose", "8it"), ("choose", "1it"), ("cut", "6it"), ("cut", "12it")]
)
def test_times_out_of_order_are_refused_before_any_work(time: str, value: str) -> None:
    grows = penalty(**GREG_1 | {time: value})
    with pytest.raises(ValueError, match=r"begin <= choose < end <= cut within .*of 12"):
        grows.plan(Length(12, 4))


def test_gradients_that_are_still_scaled_are_refused(build: Build) -> None:
    """As those of a fused optimizer are at 16-mixed: the penalty would be too small."""
    system, grows = build(), penalty(**GREG_1)
    optimizer = SimpleNamespace(_step_supports_amp_scaling=True)
    plugin = SimpleNamespace(scaler=object())
    trainer: Any = SimpleNamespace(precision_plugin=plugin, optimizers=[optimizer], global_step=2)
    system.trainer = trainer
    grows.plan(Length(12, 4))
    with pytest.raises(ValueError, match=r"adds to gradients needs recipe.optimizer.fused=false"):
        grows.on_before_optimizer_step(trainer, system, optimizer)  # type: ignore[arg-type]
