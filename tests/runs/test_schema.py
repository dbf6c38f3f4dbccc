"""Wrong inputs, each with a part of the one sentence that refuses it before any work."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from goldpan.choices import bad_choice
from goldpan.data.datasets import SPECS
from goldpan.data.normalization import KINDS
from goldpan.data.sampling import HOLD_OUT
from goldpan.layers.bounded_norm import BOUNDS
from goldpan.models.initialize import SCHEMES
from goldpan.models.mlp import DROPOUTS
from goldpan.models.stems import STEMS
from goldpan.runs import options
from goldpan.runs.experiment import settle_sparsity
from goldpan.runs.options import COPIES, OPTIONS
from goldpan.runs.schema import check_choices, check_groups, check_option, unknown
from goldpan.runs.sentences import sentence

CONF = Path(__file__).parents[2] / "conf"
RNI, EARLY = "method=rni", "method=early_bird"
PAN = "method=panning"

CASES = [
    tuple(line.split(" | "))
    for line in (Path(__file__).parent / "wrong_inputs.txt").read_text().splitlines()
]


@pytest.fixture(scope="module")
def hydra() -> Iterator[None]:
    """Hydra, initialised once for all commands."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def refused(words: list[str]) -> str | None:
    """The sentence that refuses the words as run.py does, without a process; None if none does."""
    if found := bad_choice(words, CONF):
        return found
    try:
        cfg = compose("run", words)
        check_groups(cfg)
        check_option("sparsity", cfg.sparsity)
        choices: Any = OmegaConf.to_container(settle_sparsity(cfg), resolve=True)
        check_choices(choices)
    except Exception as error:
        return sentence(error)
    return None


def split(text: str) -> list[str]:
    """The words of a case; `WORD with blanks` is one word if the next has no =."""
    words = list[str]()
    full = text.replace("RNI", RNI).replace("EARLY", EARLY).replace("PAN ", f"{PAN} ")
    for word in full.split():
        if words and "=" not in word and word[:1] not in "~-":
            words[-1] += f" {word}"
        else:
            words.append(word.replace("'", ""))
    return words


@pytest.mark.parametrize(("text", "part"), CASES, ids=[text for text, _ in CASES])
def test_a_wrong_input_is_refused_in_a_sentence_that_says_why(
    text: str, part: str, hydra: None
) -> None:
    said = refused(["logger=none", *split(text)] if "logger" not in text else split(text))
    assert said is not None, "accepted"
    assert part in said
    assert "\n" not in said


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 250


def composed(words: list[str]) -> dict[str, Any]:
    choices: dict[str, Any] = OmegaConf.to_container(compose("run", words), resolve=True)  # type: ignore[assignment]
    return choices


NEEDS = {
    "torchvision": ["name=resnet18"],
    "timm": ["name=resnet10t"],
    "rl_panning": ["agent=README.md"],
    "learned": ["agent=README.md"],
    "agent": [PAN],
    "compare_policies": [PAN],
    "train_prune_finetune": [RNI],
    "thin_when_stable": [EARLY],
    "ensemble_of_phases": ["method=edst"],
    "stamp": ["method=stamp", "dataset.only_classes=[5,6]"],
    "own": ["model._target_=goldpan.models.lenet.lenet5"],
    "espcn": ["procedure=super_resolution"],
}
FILES = sorted(path for path in CONF.glob("*/*.yaml") if path.parent.name != "pruner")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_every_file_of_conf_passes_and_each_of_its_keys_is_documented(
    path: Path, hydra: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CONF.parent)
    group, name = path.parent.name, path.stem
    plus = "+" if group == "table" else ""
    choices = composed([*NEEDS.get(name, []), f"{plus}{group}={name}"])
    check_choices(choices)
    undocumented = [key for key in keys(choices) if not documented(key)]
    assert not undocumented


def keys(node: dict[str, Any], start: str = "") -> Iterator[str]:
    """The dotted names in a configuration, without what a copy or a table holds."""
    for leaf, value in node.items():
        name = f"{start}{leaf}"
        if str(leaf) in ("_target_", "_partial_") or name == "table":
            continue
        yield name
        if isinstance(value, dict) and name not in COPIES:
            yield from keys(value, f"{name}.")


def documented(name: str) -> bool:
    return any(dotted.partition("@")[0] == name for dotted in OPTIONS)


def test_the_choices_that_are_written_here_are_those_of_the_code() -> None:
    scorers = {path.stem for path in (CONF.parent / "src/goldpan/scorers").glob("[a-z]*.py")}
    assert set(options.SCORERS) == scorers
    assert set(options.SCHEMES) == set(SCHEMES)
    assert set(options.DATASETS) == set(SPECS)
    for name, known in (
        ("model.stem", STEMS),
        ("model.dropout_kind", DROPOUTS),
        ("method.norm.bound", BOUNDS),
        ("dataset.normalization", KINDS),
        ("dataset.hold_out", HOLD_OUT),
    ):
        assert all(OPTIONS[name].kind.accepts(one) for one in known)


def test_a_copy_names_options_that_exist() -> None:
    assert COPIES.keys() | set(COPIES.values()) <= OPTIONS.keys()


@pytest.mark.parametrize(
    "words",
    [
        [
            "recipe.optimizer._target_=torch.optim.Adam",
            "~recipe.optimizer.momentum",
            "~recipe.optimizer.nesterov",
        ],
        ["recipe.optimizer.lr=1"],
        ["sparsity=0"],
        ["seed=9007199254740991"],
        ["+recipe.optimizer.dampening=0"],
        ["strategy=ddp", "strategy.accelerator=cpu", "strategy.devices=2"],
        ["strategy=gpu", "strategy.precision=16-mixed"],
        ["dataset.mirrors=[https://x/y]", "dataset=mnist"],
        ["method=rni", "procedure=train", "sparsity=0"],
        ["method=gmp", "method.pruner.calendar.begin=10ep", "method.pruner.calendar.interval=0.1"],
        ["launcher=local", "launcher.gpus=[0,1]"],
        ["dataset.validation=5000", "dataset.hold_out=last", "dataset.normalization=half"],
        ["dataset.subset={train:2000,test:1000,seed:0}", "model.initialization=normal_0.1"],
        ["model=lenet_300_100", "model.bias=prunable"],
        ["model=mlp", "model.hidden=[500]", "model.dropout=0.2", "model.dropout_kind=classic"],
        ["logger=wandb", "logger.entity=us", "+logger.settings.quiet=true"],
        ["logger=[wandb,csv]", "logger.group=mine", "logger.tags=[a,b]"],
        ["logger=wandb", "+logger.own._target_=pytorch_lightning.loggers.CSVLogger"],
        ["logger=none", "+logger.own._target_=pytorch_lightning.loggers.CSVLogger"],
        ["logger=none", "+logger._target_=pytorch_lightning.loggers.CSVLogger", "+logger.name=a"],
    ],
    ids=" ".join,
)
def test_what_is_right_passes(words: list[str], hydra: None) -> None:
    assert refused(words) is None


def test_a_function_of_the_users_own_takes_any_keyword_that_its_signature_has(
    hydra: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_nets.py").write_text("def net(classes, channels, seed, *, depth, hidden): 1")
    monkeypatch.syspath_prepend(tmp_path)
    own = {"_target_": "own_nets.net", "_partial_": True, "depth": 3}
    choices = composed([]) | {"model": own | {"hidden": "no list, as ours is"}}
    check_choices(choices)
    choices["model"]["dept"] = choices["model"].pop("depth")
    with pytest.raises(ValueError, match=r"own_nets.net takes no dept; did you mean model.depth\?"):
        check_choices(choices)


def test_checking_changes_nothing(hydra: None) -> None:
    choices = composed(["method=rni"])
    before = json.dumps(choices)
    check_choices(choices)
    assert json.dumps(choices) == before


def test_an_unknown_option_far_from_all_others_says_where_they_are_shown() -> None:
    assert unknown("zzzz").endswith("goldpan --cfg job shows all that there are")
