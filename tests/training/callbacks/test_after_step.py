from collections.abc import Callable

import pytorch_lightning as pl
from torch import nn

from goldpan.training.callbacks.after_step import AfterStep
from goldpan.training.classifier import Classifier


def test_the_network_is_changed_after_every_step(
    fit: Callable[..., pl.Trainer], build: Callable[..., Classifier]
) -> None:
    def change(net: nn.Module) -> None:
        weight = net[1].weight.data  # type: ignore[index,union-attr]
        moved.append(bool((weight != 1).any()))
        weight.fill_(1)

    moved: list[bool] = []
    system = build()
    fit(system, AfterStep(change))
    assert moved == [True] * 4
    assert (system.net[1].weight == 1).all()  # type: ignore[index,union-attr]
