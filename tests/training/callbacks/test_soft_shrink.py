import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from goldpan.allocation.layerwise import layerwise
from goldpan.data.sampling import Sampling
from goldpan.data.vision import VisionData
from goldpan.layers.masked import MaskedLinear
from goldpan.masks import masked_layers, read_masks, revived
from goldpan.schedules.calendar import every, once
from goldpan.schedules.sparsity import one_shot
from goldpan.scorers.magnitude import magnitude
from goldpan.training.callbacks.soft_shrink import SoftShrink
from goldpan.training.classifier import Classifier
from goldpan.training.length import Length

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]

RATE = 0.1
PLAIN = {"optimizer": lambda groups: torch.optim.SGD(groups, RATE)}


def shrinker(
    ratio: float, sparsity: float = 0.5, end: str = "7it", interval: str = "1it", **controls: Any
) -> SoftShrink:
    return SoftShrink(
        magnitude,
        layerwise,
        partial(one_shot, target=sparsity),
        Sampling(per_class=1),
        calendar=partial(every, begin="1it", end=end, interval=interval),
        ratio=ratio,
        **controls,
    )


class Four(nn.Module):
    """Answers its four weights, 4, 3, 2 and 1, to each image."""

    def __init__(self) -> None:
        super().__init__()
        self.four = MaskedLinear(4, 1, bias=False)
        with torch.no_grad():
            self.four.weight.copy_(torch.tensor([[4.0, 3.0, 2.0, 1.0]]))

    def forward(self, x: Tensor) -> Tensor:
        return self.four.weight.expand(len(x), 4)


class Weights(pl.Callback):
    """The weights of `Four` behind each step, and the sparsity of its masks."""

    def __init__(self) -> None:
        self.found: list[list[float]] = []
        self.sparsities: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        assert isinstance(pl_module, Classifier)
        (layer,) = masked_layers(pl_module.net).values()
        self.found.append(layer.weight.detach()[0].tolist())
        self.sparsities.append(read_masks(pl_module.net).sparsity)
        assert revived(pl_module.layers) == 0


def follow(fit: Fit, build: Build, pruner: SoftShrink, slope: Tensor, steps: int = 8) -> Weights:
    """What becomes of the four weights where the loss falls with this slope: w <- w + 0.1 slope."""
    weights = Weights()
    system = build(lambda seed: Four(), loss=lambda w, _: -(w[0] * slope).sum(), **PLAIN)
    fit(system, pruner, weights, epochs=steps // 4)
    return weights


def test_n_shrinkings_leave_the_ratio_to_the_nth_of_the_least_weights_until_the_cut(
    fit: Fit, build: Build
) -> None:
    weights = follow(fit, build, shrinker(0.5), torch.zeros(4))
    expected = [[4, 3, 2 * 0.5**n, 0.5**n] for n in range(1, 7)] + [[4, 3, 0, 0]] * 2
    assert weights.found == expected
    assert weights.sparsities == [0] * 6 + [0.5] * 2


def test_a_longer_interval_shrinks_more_rarely(fit: Fit, build: Build) -> None:
    """Behind the steps 1, 4 and, instead of 7, the cut."""
    weights = follow(fit, build, shrinker(0.5, interval="3it"), torch.zeros(4))
    assert [found[2] for found in weights.found] == [1, 1, 1, 0.5, 0.5, 0.5, 0, 0]


def test_a_weight_that_outgrows_another_one_comes_back_whole(fit: Fit, build: Build) -> None:
    """The last weight grows by 1.9 a step: to 2.9, which is shrunk, then to 3.35, above 3."""
    weights = follow(fit, build, shrinker(0.5, end="4it"), torch.tensor([0.0, 0.0, 0.0, 19.0]))
    assert weights.found[:4] == [
        pytest.approx(expected)
        for expected in (
            [4, 3, 1, 1.45],
            [4, 1.5, 0.5, 3.35],
            [4, 0.75, 0.25, 5.25],
            [4, 0, 0, 7.15],
        )
    ]


def test_at_the_ratio_zero_it_is_iterative_hard_thresholding(fit: Fit, build: Build) -> None:
    """w <- H_k(w - rate * gradient), where H_k keeps the k largest and zeroes the others."""
    target, curvature = torch.tensor([0.2, 3.0, 2.5, 2.9]), torch.tensor([4.0, 1.0, 2.0, 3.0])

    def loss(w: Tensor, _: Tensor) -> Tensor:
        return 0.5 * (curvature * (w[0] - target).square()).sum()

    weights = Weights()
    fit(build(lambda seed: Four(), loss=loss, **PLAIN), shrinker(0.0), weights, epochs=2)
    w, kept = torch.tensor([4.0, 3.0, 2.0, 1.0]), []
    for found in weights.found[:7]:
        w = w - RATE * curvature * (w - target)
        w = w * (w.abs() >= w.abs().sort().values[2])
        kept.append(tuple(w.nonzero().flatten().tolist()))
        assert found == pytest.approx(w.tolist(), abs=1e-6)
    assert len(set(kept)) > 1, "no weight came back, so the thresholding was never iterative"


def test_the_memory_of_the_optimizer_is_kept_while_weights_shrink_and_goes_with_the_cut(
    fit: Fit, build: Build
) -> None:
    momentum = {"optimizer": lambda groups: torch.optim.SGD(groups, RATE, momentum=0.5)}
    system = build(lambda seed: Four(), loss=lambda w, _: -w[0].sum(), **momentum)
    memories: list[list[float]] = []

    class Memory(pl.Callback):
        def on_train_batch_end(
            self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
        ) -> None:
            (state,) = trainer.optimizers[0].state.values()
            memories.append(state["momentum_buffer"][0].tolist())

    fit(system, shrinker(0.5, end="3it"), Memory(), epochs=1)
    assert memories == [[-1.0] * 4, [-1.5] * 4, [-1.75, -1.75, 0, 0], [-1.875, -1.875, 0, 0]]


class Killed(pl.Callback):
    """Ends the process' part of a run before its second epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 1:
            raise InterruptedError


def test_it_first_shrinks_behind_the_step_that_its_calendar_counts(data: VisionData) -> None:
    """Behind the first step, whose number is 0: what begins with the next one comes too late."""
    length = Length(8, 4)
    assert shrinker(0.5).first_cut(length) == 0
    late = shrinker(0.5)
    late.calendar = partial(every, begin="3it", end="5it", interval="1it")
    assert late.first_cut(length) == 2
    late.check(data, length)


def test_a_cut_behind_no_step_is_refused(data: VisionData) -> None:
    pruner = shrinker(0.5)
    pruner.calendar = partial(once, at="0it")
    with pytest.raises(ValueError, match="has the cut at step 0, before the first; choose a later"):
        pruner.check(data, Length(8, 4))


@pytest.mark.parametrize("end", ["4it", "5it"])
def test_a_run_that_was_killed_goes_on_bit_for_bit(
    fit: Fit, build: Build, tmp_path: Path, end: str
) -> None:
    """Killed after four steps: behind the cut, and before it."""
    whole, half, resumed = build(), build(), build()
    fit(whole, shrinker(0.5, 0.7, end, shuffle=True), epochs=2)
    with pytest.raises(InterruptedError):
        fit(half, shrinker(0.5, 0.7, end, shuffle=True), Killed(), epochs=2)
    resume = tmp_path / "last.ckpt"
    fit(resumed, shrinker(0.5, 0.7, end, shuffle=True), epochs=2, resume=resume)
    expected, found = whole.net.state_dict(), resumed.net.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert read_masks(resumed.net).kept == 170


def test_the_seconds_of_each_ranking_count_as_scoring(
    fit: Fit, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six shrinkings and the cut, each a second of a clock that each look moves by one."""
    ticks = itertools.count()
    monkeypatch.setattr("goldpan.training.callbacks.pruner.perf_counter", lambda: next(ticks))
    pruner = shrinker(0.5)
    follow(fit, build, pruner, torch.zeros(4))
    assert pruner.seconds == 7
