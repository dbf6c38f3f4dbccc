"""What loggers are told of a run."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from omegaconf import DictConfig

from goldpan.runs.experiment import plan_run, resolve
from goldpan.runs.record import Record
from goldpan.runs.results import Accuracies, Accuracy, Costs, Sparsity, WeightResult
from goldpan.runs.told import describe, layer_key, summarize

Configure = Callable[..., DictConfig]
NAMES = ("method", "model", "dataset", "recipe", "table", "allocation", "schedule", "sparsity")


def draft(configure: Configure, *words: str, **groups: str) -> Record:
    chosen = {"dataset": "digits", "model": "vgg11", "recipe": "quick", "method": "snip"} | groups
    return plan_run(resolve(configure(*words)), chosen, words)[0]


@pytest.mark.parametrize(
    ("words", "groups", "names"),
    [
        ([], {}, ["snip", "vgg11", "digits", "quick", None, "global_top", "one_shot", 0.9]),
        (
            ["method=gmp", "allocation=erk", "seed=3", "recipe.epochs=4", "+table=digits"],
            {"method": "gmp"},
            ["gmp allocation=erk", "vgg11", "digits", "quick", "digits", "erk", "cubic", 0.9],
        ),
        (
            ["method=rni", "dataset=image_folder", "dataset.root=/some/my photos"],
            {"method": "rni", "dataset": "image_folder"},
            ["rni", "vgg11", "my photos", "quick", None, "global_channels", None, 0.9],
        ),
        (
            ["method=dense"],
            {"method": "dense"},
            ["dense", "vgg11", "digits", "quick", None, None, None, 0],
        ),
    ],
)
def test_a_run_is_described_by_names_before_it_starts(
    words: list[str], groups: dict[str, str], names: list[Any], configure: Configure
) -> None:
    who = draft(configure, *words, **groups).identity
    told = describe(who)
    assert [told[name] for name in NAMES] == names
    assert (told["seed"], told["id"], told["choices"]) == (who.seed, who.id, who.choices)


def test_a_summary_has_the_figures_that_the_run_has(configure: Configure) -> None:
    record = draft(configure)
    assert summarize(record) == {}
    layers = {"features.0.weight": 0.5, "linear.weight": 0.75}
    record = replace(
        record,
        accuracies=Accuracies(Accuracy(2, 80.0, val=81.0), best=Accuracy(1, 79.0, val=82.0)),
        costs=Costs({}, 10, 1000, ""),
        weights=WeightResult(Sparsity(0.6, 0.6, 0.5, 0.7, layers), 10, 6, 300, ""),
    )
    assert summarize(record) == {
        "accuracy": 80.0,
        "accuracy_best": 79.0,
        "flops_left": 30.0,
        "sparsity_effective": 0.7,
        "layers/features/0": 0.5,
        "layers/linear": 0.75,
    }
    assert layer_key("layer1.0.conv1") == "layers/layer1/0/conv1"
