from collections.abc import Callable

import pytorch_lightning as pl
import torch
from torch.optim import Optimizer

from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]


class Skip(pl.Callback):
    """Skips every optimizer step."""

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        assert isinstance(pl_module, Classifier)
        pl_module.skip_step()


def test_a_step_is_added_to_what_decay_leaves_of_the_old_parameters(fit: Fit, build: Build) -> None:
    """w + v - decay w; the same first gradient, and so the same v, with and without."""
    decayed, plain = build(decay=0.25), build()
    start = [p.detach().clone() for p in plain.net.parameters()]
    for system in (decayed, plain):
        fit(system, limit_train_batches=1)
    for w, one, other in zip(start, decayed.net.parameters(), plain.net.parameters(), strict=True):
        assert torch.allclose(one, other - 0.25 * w, atol=1e-7)


def test_the_learning_rate_does_not_scale_the_decay(fit: Fit, build: Build) -> None:
    system = build(learning_rate=lambda progress: 0.0, decay=0.5)
    before = [p.detach().clone() for p in system.net.parameters()]
    fit(system)
    for w, now in zip(before, system.net.parameters(), strict=True):
        assert torch.allclose(now, w / 16)  # four steps


def test_a_skipped_step_shrinks_nothing(fit: Fit, build: Build) -> None:
    system = build(decay=0.5)
    before = [p.detach().clone() for p in system.net.parameters()]
    fit(system, Skip())
    assert all(map(torch.equal, before, system.net.parameters()))
