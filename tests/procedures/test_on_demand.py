"""Figures that a record has only where an option asks for them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig

from goldpan.runs.experiment import resolve, run
from goldpan.runs.identity import identity
from goldpan.runs.record import RECORD, Record, read_record
from goldpan.runs.refusal import Refusal

Configure = Callable[..., DictConfig]
GROUPS = {"dataset": "digits", "model": "mlp", "recipe": "quick", "method": "magnitude"}
SMALL = ("model=mlp", "model.hidden=[12,8]", "recipe.epochs=1", "dataset.limit=200")


def trained(configure: Configure, tmp_path: Path, *words: str) -> Record:
    cfg = configure("method=magnitude", "sparsity=0.5", *SMALL, *words, f"output={tmp_path}")
    return run(cfg, GROUPS, words)


def test_firing_is_measured_where_it_is_asked_for_and_changes_nothing_else(
    configure: Configure, tmp_path: Path
) -> None:
    plain = trained(configure, tmp_path)
    record = trained(configure, tmp_path, "and_or.images=300")
    assert plain.firing is None
    assert record.firing is not None
    assert record.accuracies == plain.accuracies
    assert record.identity.id != plain.identity.id
    firing = record.firing
    assert firing.images == 300
    assert {name: len(rates) for name, rates in firing.real.items()} == {
        "linear2": 12,
        "linear3": 8,
    }
    assert firing.real.keys() == firing.scrambled.keys()
    assert firing.real != firing.scrambled
    assert all(0 <= rate <= 1 for rates in firing.real.values() for rate in rates)
    assert "AND-like neurons read by each layer" in record.summary()
    assert "AND-like" not in plain.summary()
    (place,) = tmp_path.glob(f"*{record.identity.id}")
    assert (place / "firing.png").read_bytes().startswith(b"\x89PNG")
    assert read_record(place / RECORD) == record


def test_nothing_asked_for_is_the_run_that_it_was(configure: Configure) -> None:
    choices = resolve(configure())
    assert identity(choices) == identity({n: v for n, v in choices.items() if n != "and_or"})


def test_more_images_than_there_are_are_refused_before_any_training(
    configure: Configure, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match=r"and_or\.images=1000 are more than the \d+ test images"):
        trained(configure, tmp_path, "and_or.images=1000")
