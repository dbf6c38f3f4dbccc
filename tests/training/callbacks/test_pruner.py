from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig

from goldpan.data.sampling import Sampling
from goldpan.data.vision import VisionData
from goldpan.masks import Masks, read_masks
from goldpan.runs.experiment import run
from goldpan.training.callbacks.pruner import Pruner
from goldpan.training.classifier import Classifier
from goldpan.training.length import Length
from goldpan.types import Batch, DrawBatches, OnRound

Configure = Callable[..., DictConfig]


def test_each_round_sees_the_batches_that_committed_records_saw(
    build: Callable[..., Classifier], data: VisionData
) -> None:
    """A seed of the run, the training step and the round: seed * 1,000,003 + step + round."""
    system = build()
    drawn: list[Sequence[Batch]] = []

    def find(
        trainer: pl.Trainer, system: Classifier, draw: DrawBatches, on_round: OnRound
    ) -> Masks:
        for done in (1, 2):
            drawn.append(draw(done))
            on_round(done, 0.0)
        return read_masks(system.net)

    trainer: Any = SimpleNamespace(
        datamodule=data,
        global_step=40,
        is_global_zero=True,
        world_size=1,
        progress_bar_callback=None,
        strategy=SimpleNamespace(broadcast=lambda masks: masks),
        optimizers=[],
    )
    system.trainer = trainer
    pruner, sampling = Pruner(Sampling(size=5), seed=7), Sampling(size=5)
    pruner.cut(trainer, system, find, 2, last=True)
    for done, ((images, _),) in enumerate(drawn, 1):
        ((expected, _),) = data.draw_batches(sampling, 7_000_021 + 40 + done, torch.device("cpu"))
        assert torch.equal(images, expected)
    assert pruner.seconds > 0


def test_too_few_images_are_known_before_any_work(data: VisionData) -> None:
    Pruner(Sampling(per_class=2)).check(data, Length(8, 4))
    with pytest.raises(ValueError, match="expected at least per_class=500 training images"):
        Pruner(Sampling(per_class=500)).check(data, Length(8, 4))


def test_controls_change_what_they_say(configure: Configure) -> None:
    groups = {"dataset": "digits", "model": "vgg11", "recipe": "quick", "method": "snip"}
    short = ("model.width=0.05", "recipe.epochs=1", "dataset.limit=400")
    plain = run(configure(*short), groups)
    runs = {
        name: run(configure(*short, f"controls.{name}=true"), groups)
        for name in ("shuffle", "reinitialize", "invert")
    }
    layers = {name: record.sparsity.layers for name, record in runs.items()}  # type: ignore[union-attr]
    assert layers["shuffle"] == plain.sparsity.layers  # type: ignore[union-attr]
    assert runs["shuffle"].weights.masks != plain.weights.masks
    assert runs["reinitialize"].weights.masks == plain.weights.masks
    assert runs["reinitialize"].ranks != plain.ranks
    assert layers["invert"] != plain.sparsity.layers  # type: ignore[union-attr]
