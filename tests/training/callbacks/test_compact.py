from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig

from goldpan.allocation.global_top import global_top
from goldpan.data.sampling import Sampling
from goldpan.data.vision import VisionData
from goldpan.masks import masked_layers, revived
from goldpan.runs.checkpoint import COMPACTION, load_weights, read_checkpoint
from goldpan.runs.experiment import run
from goldpan.runs.refusal import Refusal
from goldpan.schedules.sparsity import exponential
from goldpan.scorers.synflow import synflow
from goldpan.training.callbacks.compact import Compact
from goldpan.training.callbacks.monitor import Monitor
from goldpan.training.callbacks.prune_before import PruneBefore
from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]
Configure = Callable[..., DictConfig]
CHOICES = {"dataset": "digits", "model": "resnet20", "recipe": "quick", "method": "synflow"}


def pruner() -> PruneBefore:
    schedule = partial(exponential, target=0.9)
    return PruneBefore(synflow, global_top, schedule, Sampling(per_class=1), rounds=5)


def test_the_small_network_trains_and_the_whole_one_comes_back(
    fit: Fit, build: Build, data: VisionData
) -> None:
    """The Monitor still logs the sparsity of the whole network."""
    plain, system = build(), build()
    widths: list[int] = []

    class Width(pl.Callback):
        def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            widths.append(pl_module.net[0].weight.shape[0])  # type: ignore[index,union-attr]

    fit(plain, pruner())
    compact = Compact(system, data)
    trainer = fit(system, Monitor(), pruner(), compact, Width())
    assert widths[0] < 6
    assert 0 < compact.spared["channels_removed"] < 1
    assert float(trainer.callback_metrics["sparsity"]) == pytest.approx(0.9, abs=1e-3)
    assert system.whole is system.net
    assert revived(masked_layers(system.net).values()) == 0
    [(images, _)] = data.draw_batches(Sampling(size=20), 0, torch.device("cpu"))
    logits, expected = (net.eval()(images) for net in (system.net, plain.net))
    torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-4)  # dead channels may differ


def test_a_run_that_was_cut_short_goes_on_with_the_small_network(
    fit: Fit, build: Build, data: VisionData, tmp_path: Path
) -> None:
    begun, whole, resumed = build(), build(), build()
    first = Compact(begun, data)
    fit(begun, pruner(), first)
    content = read_checkpoint(tmp_path / "last.ckpt")
    with pytest.raises(ValueError, match="is the checkpoint of a compacted run"):
        load_weights(build().net, tmp_path / "last.ckpt")
    again = Compact(resumed, data, content["callbacks"][COMPACTION])
    fit(resumed, pruner(), again, epochs=2, resume=tmp_path / "last.ckpt")
    assert again.spared == first.spared
    fit(whole, pruner(), Compact(whole, data), epochs=2)
    for name, value in whole.net.state_dict().items():
        assert torch.equal(resumed.net.state_dict()[name], value), name


def test_a_compacted_run_is_the_run(configure: Configure, tmp_path: Path) -> None:
    options = ("model=resnet20", "method=synflow", "sparsity=0.98")
    options += ("recipe.epochs=1", "dataset.limit=600")
    plain = run(configure(*options, f"output={tmp_path}/plain"), CHOICES)
    small = run(configure(*options, f"output={tmp_path}/compact", "compact=true"), CHOICES)
    assert small.identity.id == plain.identity.id
    assert replace(small.weights, compaction={}) == plain.weights
    assert small.accuracies.last is not None
    assert plain.accuracies.last is not None
    assert small.accuracies.last.train == pytest.approx(plain.accuracies.last.train, abs=3)
    assert 0.3 < small.weights.compaction["channels_removed"] < 1
    assert small.weights.compaction["parameters_kept"] < 0.7
    assert "compacted: " in small.summary()
    assert not plain.weights.compaction


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        (("method=gmp",), "needs a method that cuts before training"),
        (("method=rigl",), "could grow what was removed"),
        (("model=wrn_16_8", "model.width=0.25", "model.dropout=0.3"), "without dropout"),
        (
            (
                "+method.penalty={_target_:goldpan.penalties.slimming.slimming,_partial_:true,strength:1}",
            ),
            "the method's penalty counts",
        ),
    ],
)
def test_what_cannot_be_compacted_is_refused_before_any_work(
    configure: Configure, choices: tuple[str, ...], sentence: str
) -> None:
    cfg = configure("model=resnet20", "compact=true", "recipe.epochs=1", *choices)
    with pytest.raises(Refusal, match=sentence):
        run(cfg, CHOICES)
