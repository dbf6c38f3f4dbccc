from collections.abc import Callable
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from goldpan.channels.surgery import shrink
from goldpan.training.callbacks.csv_curve import read_metrics
from goldpan.training.classifier import Classifier
from goldpan.training.midway import evaluate, go_on_with

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]
KEPT = {"1": torch.arange(6) < 3, "4": torch.arange(8) < 5}


class Change(pl.Callback):
    """Calls `act(trainer, system)` after the first epoch, and notes weights and rates by epoch."""

    def __init__(self, act: Callable[[pl.Trainer, Classifier], Any]) -> None:
        self.act, self.weights, self.rates = act, list[list[torch.Tensor]](), list[float]()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.weights.append([value.detach().clone() for value in pl_module.parameters()])
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 0:
            self.act(trainer, pl_module)  # type: ignore[arg-type]


def thin(trainer: pl.Trainer, system: Classifier) -> None:
    go_on_with(trainer, system, shrink(system.net, KEPT, (1, 8, 8)))


def falling(progress: float) -> float:
    return 1 - progress


def test_every_parameter_of_the_new_network_moves(fit: Fit, build: Build) -> None:
    change = Change(thin)
    fit(build(), change, epochs=3)
    whole, before, after = change.weights
    assert [len(one) for one in before[:1]] == [3] == [len(one) // 2 for one in whole[:1]]
    assert not any(torch.equal(one, two) for one, two in zip(before, after, strict=True))


def test_the_schedule_goes_on_and_momentum_starts_anew(fit: Fit, build: Build) -> None:
    memory: list[int] = []

    def act(trainer: pl.Trainer, system: Classifier) -> None:
        memory.append(len(trainer.optimizers[0].state))
        thin(trainer, system)
        memory.append(len(trainer.optimizers[0].state))

    changed, plain = Change(act), Change(lambda trainer, system: None)
    fit(build(learning_rate=falling), changed, epochs=4)
    fit(build(learning_rate=falling), plain, epochs=4)
    assert changed.rates == plain.rates == pytest.approx([0.05, 0.0375, 0.025, 0.0125])
    assert memory == [8, 0]


def test_accuracy_between_two_epochs_is_that_of_a_validation(fit: Fit, build: Build) -> None:
    """Images are not augmented, and the training goes on as if nothing had been measured."""
    found: list[dict[str, float]] = []

    def act(trainer: pl.Trainer, system: Classifier) -> None:
        found.extend([evaluate(trainer, system), read_metrics(trainer)])
        assert trainer.training
        assert system.net.training

    measured, plain = build(), build()
    fit(measured, Change(act), epochs=2)
    fit(plain, epochs=2)
    assert found[0] == {"test/accuracy": found[1]["test/accuracy"]}
    states: list[nn.Module] = [measured.net, plain.net]
    first, second = (net.state_dict() for net in states)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
