"""What can be chosen, read from the folder conf before Hydra composes anything."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from string import Template
from typing import Any

from omegaconf import OmegaConf


def bad_choice(arguments: Sequence[str], conf: Path) -> str | None:
    """A sentence on the first group=option of the command line that has no file, else None.

    Commas separate the options of a sweep; what is no group of `conf` is left to Hydra. Of the
    tables a command takes one.
    """
    tables = list[str]()
    for argument in arguments:
        group, _, typed = argument.lstrip("+").partition("=")
        known = _options(conf / group) if group.isalpha() else []
        options = typed.split(",") if known else []
        for option in options:
            if option.removesuffix(".yaml") not in known and not set(option) & set("${}()[]'\""):
                close = get_close_matches(option, known, n=1)
                hint = f" (did you mean {close[0]}?)" if close else ""
                return f"{group} is one of {', '.join(known)}; got {option}{hint}"
        tables += options if group == "table" else []
    if len(tables) > 1:
        return f"a command is of one table; got {' and '.join(tables)}: type one after the other"
    return None


def overview(conf: Path) -> str:
    """What Hydra prints for --help, which takes it half a second: the template in run.yaml."""
    cfg: Any = OmegaConf.load(conf / "run.yaml")
    groups = {path.parent for path in conf.glob("*/**/*.yaml")}
    named = sorted((folder.relative_to(conf).as_posix(), _options(folder)) for folder in groups)
    lines = [f"{name}: {', '.join(options)}\n" for name, options in named]
    return Template(cfg.hydra.help.template).substitute(APP_CONFIG_GROUPS="".join(lines))


def _options(folder: Path) -> list[str]:
    """The names of the files in a folder of conf."""
    return sorted(path.stem for path in folder.glob("*.yaml"))
