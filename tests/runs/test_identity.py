from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from goldpan.runs import identity as module
from goldpan.runs.experiment import resolve
from goldpan.runs.identity import identity, own_names, run_title

Configure = Callable[..., DictConfig]


def choices(cfg: DictConfig) -> dict[str, Any]:
    return OmegaConf.to_container(cfg, resolve=True)  # type: ignore[return-value]


KNOWN = {
    "b5e8dde55d34": [],
    "10adcf211731": ["method=synflow", "sparsity=0.99", "seed=1", "rounding=nearest"],
    "0e0f1044c551": ["dataset=cifar10", "model=resnet20", "recipe=grasp"],
}


@pytest.mark.parametrize(("known", "overrides"), KNOWN.items())
def test_known_runs_keep_their_identity(
    known: str, overrides: list[str], configure: Configure
) -> None:
    """If this fails because an option was added, name it in ADDED_LATER with its default."""
    assert identity(choices(configure(*overrides))) == known


LENGTHS = {
    "recipe=snip_mnist": "f0bf785b56ca",
    "recipe=lth_mnist": "a76cbd398165",
    "recipe.epochs=500it": "9eb3bc2e3a04",
    "recipe.epochs=10ep": "b5e8dde55d34",
}
"""The ids of trainings whose lengths were `epochs: null` and `steps: 500`, or `epochs: 10`."""


@pytest.mark.parametrize(("word", "known"), LENGTHS.items())
def test_a_length_in_steps_is_the_run_that_it_was_with_two_options(
    word: str, known: str, configure: Configure
) -> None:
    assert identity(resolve(configure(word))) == known


def test_a_recipe_of_before_may_have_its_steps_beside_its_epochs(configure: Configure) -> None:
    old = resolve(configure("recipe.epochs=null", "+recipe.steps=500"))
    assert old["recipe"] == resolve(configure("recipe.epochs=500it"))["recipe"]
    assert identity(resolve(configure("+recipe.steps=null"))) == identity(choices(configure()))


METHODS = {
    "dense": "287aeaa46863",
    "force": "7edd626aec8f",
    "gmp": "69aa99d8d831",
    "grasp": "cb64b50d4fd5",
    "iterative_snip": "0cfe09925749",
    "magnitude": "67d5720b4884",
    "ntk_sap": "818249dbf9e0",
    "panning": "196bd64d5cff",
    "polarization": "859c1a56bf27",
    "prospr": "104fd18623e0",
    "prospr_full": "d3b1556f3d13",
    "random": "2e0a86ccd571",
    "rni": "796682412bff",
    "rni_resnet56": "20df9c26f544",
    "slimming": "e3baea6cd513",
    "slimming_resnet56": "ddbc3b2bd440",
    "snip": "b5e8dde55d34",
    "synflow": "547d5d830662",
    "uniform": "fa853cb8a124",
}
"""The ids of every method on digits: those of commit 3d6da81, before code was moved, but for the
methods in OLD, whose results changed when they took over their authors' counts."""

OLD = {
    "force": ("5ee75a810949", "rounding=nearest"),
    "iterative_snip": ("f69953dbf75f", "rounding=nearest"),
    "ntk_sap": ("905016b9022f", "rounding=nearest"),
    "synflow": ("3cb487b9d1e2", "rounding=nearest"),
    "polarization": ("f3e01f45da29", "method.channels.allocate.count=nearest"),
    "rni": ("458c2401b19a", "method.channels.allocate.count=nearest"),
    "rni_resnet56": ("eabf1362d7bc", "method.channels.allocate.count=nearest"),
    "slimming": ("bb8ecb04876f", "method.channels.allocate.count=nearest"),
    "slimming_resnet56": ("e1feeaebc48d", "method.channels.allocate.count=nearest"),
    "uniform": ("aefbbc51358b", "method.channels.allocate.count=nearest"),
}
"""Method -> its id at commit 3d6da81, and the option that counts as it did then."""


@pytest.mark.parametrize(("method", "known"), METHODS.items())
def test_a_method_keeps_its_identity_wherever_its_code_lies(
    method: str, known: str, configure: Configure
) -> None:
    """If this fails because code was moved, say where it was in FIRST_HOMES."""
    assert identity(resolve(configure(f"method={method}"))) == known


@pytest.mark.parametrize("method", OLD)
def test_counting_as_before_is_the_run_that_it_was_before(
    method: str, configure: Configure
) -> None:
    known, override = OLD[method]
    assert identity(resolve(configure(f"method={method}", override))) == known != METHODS[method]


@pytest.mark.parametrize("method", ["dense", "panning", "gmp", "rni"])
def test_a_choice_that_the_method_does_not_take_is_no_part_of_the_id(
    method: str, configure: Configure
) -> None:
    words = ("rounding=ceil", "scoring_mode=eval")
    assert identity(resolve(configure(f"method={method}", *words))) == METHODS[method]


@pytest.mark.parametrize("method", ["snip", "grasp", "iterative_snip"])
def test_scoring_in_eval_mode_is_another_run(method: str, configure: Configure) -> None:
    assert identity(resolve(configure(f"method={method}", "scoring_mode=eval"))) != METHODS[method]


@pytest.mark.parametrize(
    "override",
    ["output=/elsewhere", "logger=wandb", "strategy=gpu", "dataset.root=there", "progress=false"],
)
def test_what_decides_no_result_is_left_out(override: str, configure: Configure) -> None:
    assert identity(choices(configure(override))) == identity(choices(configure()))


@pytest.mark.parametrize(
    "override",
    ["seed=1", "sparsity=0.8", "schedule=linear", "strategy.precision=64", "strategy.devices=2"],
)
def test_what_decides_the_result_is_not(override: str, configure: Configure) -> None:
    assert identity(choices(configure(override))) != identity(choices(configure()))


def test_a_policy_counts_where_the_method_takes_one(configure: Configure) -> None:
    one, other = (identity(choices(configure(*typed))) for typed in ([], ["policy=uniform"]))
    assert one == other
    one, other = (
        identity(choices(configure("method=panning", *typed))) for typed in ([], ["policy=uniform"])
    )
    assert one != other


def test_a_folder_of_images_counts_by_name_and_content(
    configure: Configure, tmp_path: Path
) -> None:
    def of(root: Path) -> str:
        return identity(choices(configure("dataset=image_folder", f"dataset.root={root}")))

    for place, content in (("a", b"1"), ("b", b"1"), ("c", b"22")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "photos.zip").write_bytes(content)
    (tmp_path / "a/images/cat").mkdir(parents=True)
    (tmp_path / "b/images/car").mkdir(parents=True)
    one, same, larger = (of(tmp_path / place / "photos.zip") for place in "abc")
    assert one == same != larger
    assert of(tmp_path / "a/images") != of(tmp_path / "b/images")


def test_a_number_is_one_choice_however_it_is_written(configure: Configure) -> None:
    zeros = (identity(choices(configure(f"sparsity={text}"))) for text in ("0", "0.0", "0.00"))
    assert len(set(zeros)) == 1


def test_a_checkpoint_counts_by_its_content(configure: Configure, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.pt", "same.pt", "other.pt")]
    for path, content in zip(paths, (b"1", b"1", b"2"), strict=True):
        path.write_bytes(content)
    one, same, other = (identity(choices(configure(f"checkpoint={path}"))) for path in paths)
    assert one == same != other


def test_an_option_added_later_changes_nothing_at_its_default(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = choices(configure())
    monkeypatch.setitem(module.ADDED_LATER, "recipe.novelty", 0)
    after = choices(configure("+recipe.novelty=0"))
    assert identity(after) == identity(before)
    assert identity(choices(configure("+recipe.novelty=1"))) != identity(before)


def test_an_option_of_one_function_added_later_changes_nothing_for_others(
    configure: Configure,
) -> None:
    def without_bias(*words: str) -> dict[str, Any]:
        chosen = choices(configure(*words))
        return chosen | {"model": {k: v for k, v in chosen["model"].items() if k != "bias"}}

    for model, same in (("lenet5", True), ("lenet_300_100", True), ("vgg11", False)):
        words = [f"model={model}", "model.bias=true"]
        found = identity(without_bias(*words)) == identity(choices(configure(*words)))
        assert found is same


def test_a_network_whose_function_was_typed_bears_its_name() -> None:
    groups = {"method": "snip", "dataset": "digits", "model": "own", "recipe": "quick"}
    overrides = ["model=own", "model._target_=mynet.build", "model.width=2"]
    named = own_names(groups, overrides)
    assert named == groups | {"model": "mynet.build"}
    assert own_names(groups, ["model=own", "model.width=2"]) == groups
    setting, _ = run_title({"dataset": {"name": "digits"}}, named, overrides)
    assert setting == "digits mynet.build quick model.width=2"


def test_the_title_of_a_run_says_what_differs() -> None:
    groups = {"method": "snip", "dataset": "digits", "model": "vgg11", "recipe": "quick"}
    overrides = [
        "method=snip",
        "recipe.epochs=3",
        "controls.shuffle=true",
        "sparsity=0.9",
        "seed=1",
    ]
    choices = {"dataset": {"name": "digits"}}
    assert run_title(
        choices, groups, [*overrides, "output=x", "dataset.root=y", "strategy=ddp"]
    ) == (
        "digits vgg11 quick recipe.epochs=3",
        "snip controls.shuffle=true",
    )
