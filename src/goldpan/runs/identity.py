"""The id of a run, a hash of every choice that decides its result; and its title for readers."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goldpan.choices import read_word
from goldpan.duration import Duration, Written

NOT_DECISIVE = (
    "output",
    "logger",
    "strategy",
    "progress",
    "launcher",
    "rerun",
    "fail_fast",
    "table",
    "allowed",
    "compact",  # it changes what is computed by rounding only
    "agent",  # it counts where a policy takes it
)
"""Top-level choices that do not decide a result, and so are not part of an id."""

NOT_DECISIVE_OF_DATA = ("root", "cache", "mirrors", "workers")
SETTING = ("dataset", "model", "name", "recipe")
OWN_NETWORK = "model._target_"
NAMED = ("dataset", "model", OWN_NETWORK, "recipe", "method", "sparsity", "seed")

WHERE_TAKEN = ("rounding", "scoring_mode", "prune_from")
"""Top-level choices that count in the method's options that take them, and nowhere else."""

FILES = ("checkpoint", "agent")
"""Choices that are files: their content is part of an id, their place is not."""

ADDED_LATER: dict[str, Any] = {
    "method.pruner.rounding._target_": "goldpan.schedules.rounding.nearest",
    "method.pruner.rounding._partial_": True,
    "method.pruner.scorer.mode": "train",
    "method.pruner.scorer.detach_first": False,
    "method.channels.allocate.count": "nearest",
    "method.channels.prune_from": "last",
    "method.channels.scope": "all",
    "method.channels.threshold": "ratio",
    "procedure.environment.observe": "same",
    "procedure.retrain": True,
    "dataset.split_seed": None,
    "dataset.normalization": "channel",
    "dataset.hold_out": "balanced",
    "dataset.subset": None,
    "dataset.only_classes": None,
    "model.conv_relu": True,
    "model.weights": None,
    "model.pretrained": False,
    "model.bias@lenet5": True,
    "model.bias@lenet_300_100": True,
    "recipe.warm_up": None,
    "recipe.rate_moves": "epoch",
    "recipe.evaluate_every": None,
    "recipe.loss": "cross_entropy",
    "recipe.decay": 0.0,
    "and_or.images": None,
    "certify.epsilon": None,
}
"""Dotted name -> default of each option that came after the first records were written.

Whoever adds an option to conf adds a line here, such as "recipe.label_smoothing": 0.0. An option
at this default is not part of an id, so the runs that were recorded before keep their ids. A name
with @ is that of one function's option, as in `goldpan.runs.options`.
"""

FIRST_HOMES = {
    "goldpan.training.callbacks.": "goldpan.callbacks.",
    "goldpan.channels.allocation.": "goldpan.allocation.channels.",
    "goldpan.scorers.magnitude.large_final": "goldpan.scorers.large_final_same_sign.large_final",
}
"""Start of a dotted name today -> its start when the first record was written.

Whoever moves or renames code that a `_target_` in conf names adds a line here. An id counts the
first name, so all runs keep their ids.
"""


def identity(choices: Mapping[str, Any]) -> str:
    """Return a run's id: twelve hexadecimal digits that change only if the result may change.

    Folders and loggers are not part of it. The precision is, and the number of processes if there
    are several, since BatchNorm then sees only a part of each batch. A folder of images counts by
    its names, a checkpoint or an agent by its content.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    decisive = {name: value for name, value in choices.items() if name not in NOT_DECISIVE}
    decisive["dataset"] = {
        name: value
        for name, value in choices["dataset"].items()
        if name not in NOT_DECISIVE_OF_DATA
    } | {"source": _source(choices["dataset"])}
    decisive["recipe"] = {**choices["recipe"], **_first_length(choices["recipe"]["epochs"])}
    for name in WHERE_TAKEN:
        decisive.pop(name, None)
    if "policy" not in (choices["method"]["pruner"] or ()):
        decisive.pop("policy", None)  # this method has no policy
    decisive["precision"] = choices["strategy"]["precision"]
    if choices["strategy"]["devices"] != 1:
        decisive["processes"] = choices["strategy"]["devices"]
    files = _files(choices)
    content = {path: hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in files}
    decisive = _replaced(decisive, content)
    leaves = dict(_leaves("", decisive))
    flat = {
        name: _first_home(value) if name.endswith("_target_") else value
        for name, value in leaves.items()
        if not _unchanged(name, leaves)
    }
    text = json.dumps(flat, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def own_names(groups: Mapping[str, str], overrides: Sequence[str]) -> dict[str, str]:
    """The option of each group, by which records and folders are named.

    A network whose function was typed as model._target_=mynet.build bears that name instead.
    """
    typed = [word.value for text in overrides if (word := read_word(text)).name == OWN_NETWORK]
    return dict(groups) | ({"model": typed[-1]} if typed else {})


def run_title(
    choices: Mapping[str, Any], groups: Mapping[str, str], overrides: Sequence[str]
) -> tuple[str, str]:
    """Return the names of a run's setting (dataset, model, recipe) and of its method.

    Args:
        groups: each of Hydra's groups -> the option chosen, such as method -> snip.
        overrides: the words as typed; one that changes the result is added to the setting or to
            the method, as in "snip controls.shuffle=true".
    """
    own = choices["dataset"]["name"] == "image_folder"
    source = Path(choices["dataset"]["root"]).name if own else groups["dataset"]
    setting = [source, groups["model"], groups["recipe"]]
    method = [groups["method"]]
    for override in sorted(overrides):
        word = read_word(override)
        if word.name == "table":
            setting.append(str(word))
        shown = word.name in (*FILES, "strategy.precision", "strategy.devices")
        if word.name in NAMED or (word.root in (*NOT_DECISIVE, "hydra") and not shown):
            continue
        if word.root != "dataset" or word.leaf not in NOT_DECISIVE_OF_DATA:
            of_file = word.name in FILES
            text = f"{word.name}={_file_title(choices[word.name])}" if of_file else override
            (setting if word.root in SETTING else method).append(text)
    return " ".join(setting), " ".join(method)


def without_paths(choices: Mapping[str, Any]) -> dict[str, Any]:
    """The choices as a record shows them: with the names of files, without their folders."""
    shown = {name: value for name, value in choices.items() if name != "output"}
    shown["dataset"] = {
        name: Path(value).name if name == "root" else value
        for name, value in choices["dataset"].items()
        if name != "cache"
    }
    return {**_replaced(shown, {path: Path(path).name for path in _files(choices)})}


def _file_title(path: str | None) -> str:
    """A file's name and six digits of its hash: other files may have the same name."""
    if path is None or not Path(path).is_file():
        return str(path)
    return f"{Path(path).name}@{hashlib.sha256(Path(path).read_bytes()).hexdigest()[:6]}"


def _files(choices: Mapping[str, Any]) -> list[str]:
    """The chosen files, as they were typed."""
    return [str(choices[name]) for name in FILES if choices.get(name) is not None]


def _replaced(value: Any, paths: Mapping[str, str]) -> Any:
    """The same choices with each of these paths replaced by its text."""
    if not paths:
        return value
    if isinstance(value, Mapping):
        return {name: _replaced(item, paths) for name, item in value.items()}
    return paths.get(value, value) if isinstance(value, str) else value


def _source(dataset: Mapping[str, Any]) -> list[str] | None:
    """A fingerprint of a folder or archive of images that is cheap to compute.

    It is the name, and the size of an archive or the folders of a folder, two levels deep. Datasets
    that are the same on every machine have None.
    """
    if dataset["name"] not in ("image_folder", "imagenet"):
        return None
    root = Path(dataset["root"])
    if root.is_dir():
        folders = [path for depth in ("*/", "*/*/") for path in root.glob(depth) if path.is_dir()]
        return [root.name, *sorted(str(path.relative_to(root)) for path in folders)]
    return [root.name, str(root.stat().st_size) if root.is_file() else ""]


def _first_length(epochs: Written) -> dict[str, float | None]:
    """The length of a training as the first recipes had it: in `epochs`, or in `steps`."""
    length = Duration.parse(epochs)
    if length.unit == "it":
        return {"epochs": None, "steps": length.amount}
    return {"epochs": length.amount}


def _first_home(target: str) -> str:
    """The dotted name that a function or class had when the first record was written."""
    for today, first in FIRST_HOMES.items():
        if target.startswith(today):
            return first + target.removeprefix(today)
    return target


def _unchanged(name: str, leaves: Mapping[str, Any]) -> bool:
    """Whether an option has the default of before there was that option."""
    target = str(leaves.get(f"{name.rpartition('.')[0]}._target_"))
    names = (name, f"{name}@{target.rpartition('.')[2]}")
    return any(one in ADDED_LATER and ADDED_LATER[one] == leaves[name] for one in names)


def _leaves(prefix: str, value: Any) -> list[tuple[str, Any]]:
    """The dotted name and the value of each leaf; an empty mapping has none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [(prefix, float(value))]  # 0 and 0.0 are one choice
    if not isinstance(value, Mapping):
        return [(prefix, value)]
    named = [(f"{prefix}.{key}" if prefix else str(key), item) for key, item in value.items()]
    return [leaf for name, item in named for leaf in _leaves(name, item)]
