from collections.abc import Callable
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from goldpan.masks import read_masks, write_masks
from goldpan.training.callbacks.after_step import AfterStep
from goldpan.training.callbacks.monitor import Monitor, compare_ranks
from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]


def cut_first_filter(net: nn.Module) -> None:
    masks = read_masks(net)
    masks["0.weight"][0] = False
    write_masks(net, masks)


def test_sparsity_and_emptied_layers_are_logged(fit: Fit, build: Build) -> None:
    system = build()
    cut_first_filter(system.net)
    metrics = fit(system, Monitor()).callback_metrics
    assert float(metrics["sparsity"]) == pytest.approx(9 / (54 + 432 + 80))
    assert float(metrics["emptied_layers"]) == 0


def test_a_revived_weight_is_an_error(fit: Fit, build: Build) -> None:
    def revive(net: Any) -> None:
        net[0].weight.data[0, 0, 0, 0] = 0.25

    system = build()
    cut_first_filter(system.net)
    with pytest.raises(RuntimeError, match=r"a cut weight must be zero, found \|w\| = 0\.25"):
        fit(system, AfterStep(revive), Monitor())


def test_one_process_has_one_digest_of_weights_and_masks(net: nn.Module) -> None:
    (before,) = compare_ranks(net)
    masks = read_masks(net)
    assert compare_ranks(net) == [before]
    with torch.no_grad():
        masks["0.weight"][0] = False
    write_masks(net, masks)
    assert compare_ranks(net) != [before]
