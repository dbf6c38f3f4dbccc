from collections.abc import Callable
from pathlib import Path

import pytorch_lightning as pl

from goldpan.training.callbacks.importances import BINS, Importances
from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]


def test_all_channels_are_counted_in_every_epoch(fit: Fit, build: Build, tmp_path: Path) -> None:
    importances, resumed = Importances(), Importances()
    fit(build(), importances)
    ((*counts,),) = importances.histogram
    assert len(counts) == BINS
    assert sum(counts) == 6 + 8
    fit(build(), resumed, epochs=2, resume=tmp_path / "last.ckpt")
    assert len(resumed.histogram) == 2
    assert resumed.histogram[0] == counts


def test_scales_outside_of_the_bins_are_counted_at_their_ends(fit: Fit, build: Build) -> None:
    system, importances = build(learning_rate=lambda progress: 0.0), Importances()
    system.net[1].weight.data.fill_(7.0)  # type: ignore[index,union-attr]
    system.net[4].weight.data.zero_()  # type: ignore[index,union-attr]
    fit(system, importances)
    assert importances.histogram == [[8, *[0] * (BINS - 2), 6]]
