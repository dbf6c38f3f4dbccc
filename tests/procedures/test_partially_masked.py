"""A core and the whole network of one training on the bundled digits, from choices to record."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from goldpan.procedures.finished import load_finished
from goldpan.runs.checkpoint import read_checkpoint
from goldpan.runs.curve import read_curve
from goldpan.runs.experiment import run
from goldpan.runs.record import FULL, Record, read_record
from goldpan.runs.refusal import Refusal

Configure = Callable[..., DictConfig]
GROUPS = {"dataset": "digits", "model": "mlp", "recipe": "quick"}


def do(configure: Configure, method: str, *overrides: str) -> Record:
    words = ("model=mlp", "model.hidden=[100]", *overrides)
    return run(configure(f"method={method}", *words), GROUPS | {"method": method}, words)


def test_the_record_is_the_cores_with_the_accuracies_of_the_whole_network(
    configure: Configure, tmp_path: Path
) -> None:
    record = do(configure, "partially_masked", "sparsity=0.9", "recipe.epochs=3")
    assert record.full is not None
    assert record.accuracies is not None
    assert record.sparsity is not None
    assert record.sparsity.got == pytest.approx(0.9, abs=1e-4)
    assert record.full.accuracies.last.test > record.accuracies.last.test > 30
    assert record.full.accuracies.last.step == record.accuracies.last.step
    assert "; the whole network 8" in record.summary()
    (folder,) = tmp_path.glob("digits-*")
    assert read_record(folder / "record.json") == record
    rows = read_curve(folder / "metrics.csv")
    assert rows[-1]["test/accuracy"] == record.accuracies.last.test
    assert rows[-1]["test/full_accuracy"] == record.full.accuracies.last.test
    best = max(rows, key=lambda row: row["val/full_accuracy"])
    assert record.full.accuracies.best is not None
    assert record.full.accuracies.best.epoch == best["epoch"]
    core, full = load_finished(folder)[0].state_dict(), read_checkpoint(folder / FULL)
    for name, weights in full.items():
        if name.endswith("weight"):
            mask = core[name.replace("weight", "mask")]
            assert torch.equal(core[name], weights * mask)
            assert weights[~mask].all()


def test_the_core_may_be_that_of_any_method_that_cuts_before_the_training(
    configure: Configure,
) -> None:
    short = ("recipe.epochs=3it", "sparsity=0.9")
    alone = do(configure, "snip", *short)
    core = do(configure, "snip", *short, "procedure=partially_masked")
    assert alone.weights is not None
    assert core.weights is not None
    assert core.weights.masks == alone.weights.masks
    assert alone.full is None
    with pytest.raises(Refusal, match="from a method that cuts before the training alone, such as"):
        do(configure, "set", "recipe.epochs=2", "procedure=partially_masked")
