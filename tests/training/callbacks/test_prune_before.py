from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from goldpan.allocation.global_top import global_top
from goldpan.data.sampling import Sampling
from goldpan.masks import LayerCollapse, read_masks
from goldpan.schedules.sparsity import exponential
from goldpan.scorers.magnitude import magnitude
from goldpan.scorers.snip import snip
from goldpan.training.callbacks.prune_before import PruneBefore
from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]


def pruner(sparsity: float, **options: Any) -> PruneBefore:
    schedule = partial(exponential, target=sparsity)
    chosen: dict[str, Any] = {"scorer": magnitude, "rounds": 2} | options
    return PruneBefore(
        allocator=global_top, schedule=schedule, sampling=Sampling(per_class=1), **chosen
    )


def test_the_network_is_cut_before_the_first_step(fit: Fit, build: Build) -> None:
    """The masks are those of the untrained weights: the largest are kept."""
    system, untrained = build(), build()
    sizes = torch.cat([layer.weight.flatten().abs() for layer in untrained.layers])
    fit(system, pruner(0.5))
    kept = torch.cat([mask.flatten() for mask in read_masks(system.net).values()])
    assert int(kept.sum()) == len(sizes) // 2
    assert sizes[kept].min() >= sizes[~kept].max()


def test_a_resumed_run_keeps_its_masks(fit: Fit, build: Build, tmp_path: Path) -> None:
    system, resumed = build(), build()
    first, again = pruner(0.5), pruner(0.5, scorer=snip)
    fit(system, first)
    fit(resumed, again, epochs=2, resume=tmp_path / "last.ckpt")
    masks = read_masks(system.net)
    assert all(torch.equal(mask, masks[name]) for name, mask in read_masks(resumed.net).items())
    assert again.done
    assert again.seconds == first.seconds > 0


def test_a_network_without_a_path_has_collapsed(fit: Fit, build: Build) -> None:
    system = build()
    with pytest.raises(LayerCollapse):
        fit(system, pruner(0.999))
