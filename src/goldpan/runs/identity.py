"""What makes a run itself, a hash of every choice that decides its result; and its name."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NOT_DECISIVE = (
    "output",
    "logger",
    "strategy",
    "progress",
    "launcher",
    "retry",
    "table",
    "compact",  # it changes what is computed by rounding only
    "agent",  # it counts where a policy takes it
)
NOT_DECISIVE_OF_DATA = ("root", "cache", "mirrors", "workers")
SETTING = ("dataset", "model", "name", "recipe")
NAMED = ("dataset", "model", "recipe", "method", "sparsity", "seed")

FILES = ("checkpoint", "agent")
"""Choices that are files: what they hold counts, not where they lie."""

ADDED_LATER: dict[str, Any] = {}
"""Dotted name -> default of every option added since records exist.

At its default an option leaves a run what it was, so old records keep their identity.
"""


FIRST_HOMES = {
    "goldpan.training.callbacks.": "goldpan.callbacks.",
    "goldpan.channels.allocation.": "goldpan.allocation.channels.",
}
"""Where code lies today -> where it lay when the first record counted it.

An id counts which function was chosen, not in which file it is found: whoever moves code that a
`_target_` names adds a line, and every run stays what it was.
"""


def identity(choices: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that change when, and only when, the result may change.

    Where things lie and who logs are left out; the precision counts, and the number of processes
    above one, since BatchNorm sees each one's share of the batch alone. Files of images count by
    their names, a checkpoint or an agent by its content.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    decisive = {name: value for name, value in choices.items() if name not in NOT_DECISIVE}
    decisive["dataset"] = {
        name: value
        for name, value in choices["dataset"].items()
        if name not in NOT_DECISIVE_OF_DATA
    } | {"source": _source(choices["dataset"])}
    if "policy" not in (choices["method"]["pruner"] or ()):
        decisive.pop("policy", None)  # nothing takes it
    decisive["precision"] = choices["strategy"]["precision"]
    if choices["strategy"]["devices"] != 1:
        decisive["processes"] = choices["strategy"]["devices"]
    files = _files(choices)
    content = {path: hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in files}
    decisive = _replaced(decisive, content)
    flat = {
        name: _first_home(value) if name.endswith("_target_") else value
        for name, value in _leaves("", decisive)
        if not _unchanged(name, value)
    }
    text = json.dumps(flat, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def call(
    choices: Mapping[str, Any], groups: Mapping[str, str], overrides: Sequence[str]
) -> tuple[str, str]:
    """The names of a run's setting (dataset, model, recipe) and of its method, for a reader.

    `groups` holds the chosen option of each of Hydra's groups, `overrides` what was typed: what
    changes a group's option behind its name joins the name, "snip controls.shuffle=true".
    """
    own = choices["dataset"]["name"] == "image_folder"
    source = Path(choices["dataset"]["root"]).name if own else groups["dataset"]
    setting = [source, groups["model"], groups["recipe"]]
    method = [groups["method"]]
    for override in sorted(overrides):
        name = override.lstrip("+~").partition("=")[0]
        root, _, leaf = name.partition(".")
        if name == "table":
            setting.append(override.lstrip("+"))
        shown = name in (*FILES, "strategy.precision", "strategy.devices")
        if name in NAMED or (root in (*NOT_DECISIVE, "hydra") and not shown):
            continue
        if root != "dataset" or leaf not in NOT_DECISIVE_OF_DATA:
            text = f"{name}={_call_file(choices[name])}" if name in FILES else override
            (setting if root in SETTING else method).append(text)
    return " ".join(setting), " ".join(method)


def without_paths(choices: Mapping[str, Any]) -> dict[str, Any]:
    """The choices as a record may show them anywhere: of files their names, not where they lie."""
    shown = {name: value for name, value in choices.items() if name != "output"}
    shown["dataset"] = {
        name: Path(value).name if name == "root" else value
        for name, value in choices["dataset"].items()
        if name != "cache"
    }
    return {**_replaced(shown, {path: Path(path).name for path in _files(choices)})}


def _call_file(path: str | None) -> str:
    """A file's name, and six digits that tell it from others of that name."""
    if path is None or not Path(path).is_file():
        return str(path)
    return f"{Path(path).name}@{hashlib.sha256(Path(path).read_bytes()).hexdigest()[:6]}"


def _files(choices: Mapping[str, Any]) -> list[str]:
    """The chosen files, as they were typed."""
    return [str(choices[name]) for name in FILES if choices.get(name) is not None]


def _replaced(value: Any, paths: Mapping[str, str]) -> Any:
    """The same choices with other texts for these paths, wherever they stand."""
    if not paths:
        return value
    if isinstance(value, Mapping):
        return {name: _replaced(item, paths) for name, item in value.items()}
    return paths.get(value, value) if isinstance(value, str) else value


def _source(dataset: Mapping[str, Any]) -> list[str] | None:
    """What tells one folder or archive of images from another, at little cost.

    Its name, and the size of an archive or the folders of a folder, two levels deep. None for the
    datasets that are the same everywhere.
    """
    if dataset["name"] not in ("image_folder", "imagenet"):
        return None
    root = Path(dataset["root"])
    if root.is_dir():
        folders = [path for depth in ("*/", "*/*/") for path in root.glob(depth) if path.is_dir()]
        return [root.name, *sorted(str(path.relative_to(root)) for path in folders)]
    return [root.name, str(root.stat().st_size) if root.is_file() else ""]


def _first_home(target: str) -> str:
    """The dotted name of a function or class as ids have always counted it."""
    for today, first in FIRST_HOMES.items():
        if target.startswith(today):
            return first + target.removeprefix(today)
    return target


def _unchanged(name: str, value: Any) -> bool:
    return name in ADDED_LATER and ADDED_LATER[name] == value


def _leaves(prefix: str, value: Any) -> list[tuple[str, Any]]:
    """Dotted names and values; an empty mapping is no leaf."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [(prefix, float(value))]  # 0 and 0.0 are one choice
    if not isinstance(value, Mapping):
        return [(prefix, value)]
    named = [(f"{prefix}.{key}" if prefix else str(key), item) for key, item in value.items()]
    return [leaf for name, item in named for leaf in _leaves(name, item)]
