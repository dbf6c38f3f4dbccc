from collections.abc import Callable
from functools import partial

import pytest
import pytorch_lightning as pl

from goldpan.allocation.global_top import global_top
from goldpan.data.sampling import Sampling
from goldpan.masks import read_masks, revived
from goldpan.schedules.sparsity import linear
from goldpan.scorers.magnitude import magnitude
from goldpan.training.callbacks.prune_during import PruneDuring
from goldpan.training.classifier import Classifier
from goldpan.types import Calendar


class Sparsities(pl.Callback):
    """The sparsity at each training step."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        assert isinstance(pl_module, Classifier)
        self.found.append(round(read_masks(pl_module.net).sparsity, 2))
        assert revived(pl_module.layers) == 0


def test_weights_are_cut_at_the_steps_of_the_calendar(
    fit: Callable[..., pl.Trainer], build: Callable[..., Classifier]
) -> None:
    asked: list[tuple[int, int]] = []

    def calendar(steps: int, epoch: int) -> Calendar:
        asked.append((steps, epoch))
        return {1: 0.5, 4: 0.75, 6: 1.0}.get

    pruner = PruneDuring(
        magnitude,
        global_top,
        partial(linear, target=0.8),
        Sampling(per_class=1),
        calendar=calendar,
    )
    sparsities = Sparsities()
    fit(build(), pruner, sparsities, epochs=2)
    assert asked == [(8, 4)]
    assert sparsities.found == pytest.approx([0, 0.4, 0.4, 0.4, 0.6, 0.6, 0.8, 0.8])
