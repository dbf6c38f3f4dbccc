"""A mask for some of the digits, learnt on others, from configuration to record."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from goldpan.data.datasets import Images
from goldpan.procedures.setup import load_data
from goldpan.runs.checkpoint import read_checkpoint
from goldpan.runs.curve import read_curve
from goldpan.runs.experiment import run
from goldpan.runs.record import WEIGHTS, Record, read_record
from goldpan.runs.refusal import Refusal

Configure = Callable[..., DictConfig]
GENERATOR = "method.channels.generator"
SHORT = (
    *("model.width=0.1", "model.initialization=rni", "dataset.limit=300", "recipe.epochs=2"),
    *(f"{GENERATOR}.{one}" for one in ("steps=3", "size=8", "pool=20")),
    "method.channels.sampling.size=32",
)
GROUPS = {"dataset": "digits", "model": "vgg11", "recipe": "quick", "method": "stamp"}
TARGET = "dataset.only_classes=[5,7,9]"


def do(configure: Configure, *overrides: str) -> Record:
    return run(configure(*SHORT, "method=stamp", *overrides), GROUPS, overrides)


def test_a_network_of_other_digits_is_pruned_for_these_and_trained_on_them(
    configure: Configure, tmp_path: Path
) -> None:
    record = do(configure, TARGET, "sparsity=0.5", "method.channels.epochs=1")
    assert record.status == "finished"
    assert record.sparsity is not None
    assert record.sparsity.got == pytest.approx(0.5, abs=0.02)
    assert record.channels is not None
    assert record.channels.parameters_left < 0.7 * record.costs.parameters  # type: ignore[union-attr]
    seconds = record.costs.seconds  # type: ignore[union-attr]
    assert all(seconds[part] > 0 for part in ("training", "scoring", "meta_training"))
    (stage,) = tmp_path.glob("reference-*/record.json")
    before = read_record(stage)
    assert before.identity.choices["dataset"]["only_classes"] == [0, 1, 2, 3, 4, 6, 8]
    assert before.identity.setting.endswith("only_classes=[0,1,2,3,4,6,8]")
    assert "[5,7,9]" not in before.identity.setting
    assert before.identity.choices["method"]["channels"] is None
    assert before.sparsity is not None
    assert before.sparsity.got == 0
    start = record.origin.start
    assert start["source"] == stage.parent.name
    assert all(name.startswith("linear.") for name in start["anew"])
    (curve,) = tmp_path.glob("digits-*/metrics.csv")
    assert len(read_curve(curve)) == 1


def test_two_sparsities_share_one_reference(configure: Configure, tmp_path: Path) -> None:
    short = (TARGET, "recipe.epochs=2it", "procedure.reference=[0,1,2]")
    records = [do(configure, *short, f"sparsity={ratio}") for ratio in (0.3, 0.6)]
    (stage,) = tmp_path.glob("reference-*/record.json")
    assert read_checkpoint(stage.parent / WEIGHTS)["linear.weight"].shape[0] == 3
    assert records[0].channels is not None
    assert records[1].channels is not None
    assert records[0].channels.parameters_left > records[1].channels.parameters_left


def test_the_classes_that_are_left_become_labels_from_0_on(configure: Configure) -> None:
    data = load_data(configure("dataset=digits", TARGET))
    assert (data.classes, data.known_classes) == (3, 10)
    assert data.class_names == ("5", "7", "9")
    assert data.train.labels.unique().tolist() == data.test.labels.unique().tolist() == [0, 1, 2]
    whole = load_data(configure("dataset=digits"))
    assert isinstance(whole.test, Images)
    assert isinstance(data.test, Images)
    sevens = whole.test.images[whole.test.labels == 7]
    assert torch.equal(data.test.images[data.test.labels == 1], sevens)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([TARGET, "procedure.reference=[1,5]"], r"share the class 5; a target has classes"),
        (["dataset.only_classes=[0,1,2,3,4,5,6,7,8]"], "two classes or more; got 1: leave more"),
        ([TARGET, f"{GENERATOR}.classes=8"], "expected tasks of 2 to 7 classes"),
        ([TARGET, f"{GENERATOR}.size=21"], "got 40 in the pool"),
        ([TARGET, f"{GENERATOR}.pool=1000"], "at least per_class=1000 training images"),
        (["dataset.only_classes=[5,12]"], "between 0 and 9, the labels of this dataset, got 12"),
        (["dataset.only_classes=[5,5]"], "two classes or more, each once"),
    ],
)
def test_what_cannot_be_is_refused_before_the_reference_is_trained_on(
    words: list[str], sentence: str, configure: Configure, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match=sentence):
        do(configure, *words, "sparsity=0.5")
    assert not list(tmp_path.glob("reference-*"))
