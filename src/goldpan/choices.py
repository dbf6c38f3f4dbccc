"""What can be chosen, read from the folder conf before Hydra composes anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from string import Template
from typing import Any

from omegaconf import OmegaConf


@dataclass(frozen=True)
class Word:
    """One override of a command line: "+recipe.epochs=3" gives recipe.epochs the value 3.

    `sign` is "+" or "++" where it adds an option, "~" where it removes one, and "" elsewhere.
    """

    sign: str
    name: str
    value: str

    @property
    def root(self) -> str:
        """The name up to its first dot, such as recipe."""
        return self.name.partition(".")[0]

    @property
    def leaf(self) -> str:
        """The name behind its first dot, such as epochs; "" without a dot."""
        return self.name.partition(".")[2]

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


def read_word(text: str) -> Word:
    """Read an override as it was typed; without "=" its value is ""."""
    bare = text.lstrip("+~")
    name, _, value = bare.partition("=")
    return Word(text.removesuffix(bare), name, value)


def bad_choice(arguments: Sequence[str], conf: Path) -> str | None:
    """Say which group=option of a command line has no file in `conf`; None if all have one.

    Commas separate the options of a sweep. Hydra checks what is no group of `conf`. A command
    takes one table only.
    """
    tables = list[str]()
    for argument in arguments:
        word = read_word(argument)
        known = _options(conf / word.name) if word.name.isalpha() and word.sign != "~" else []
        options = word.value.split(",") if known else []
        for option in options:
            if option.removesuffix(".yaml") not in known and not set(option) & set("${}()[]'\""):
                close = get_close_matches(option, known, n=1)
                hint = f" (did you mean {close[0]}?)" if close else ""
                return f"{word.name} is one of {', '.join(known)}; got {option}{hint}"
        tables += options if word.name == "table" else []
    if len(tables) > 1:
        return f"a command is of one table; got {' and '.join(tables)}: type one after the other"
    return None


def overview(conf: Path) -> str:
    """The text that Hydra prints for --help, from the template in run.yaml, without loading Hydra.

    Hydra itself takes half a second for it.
    """
    cfg: Any = OmegaConf.load(conf / "run.yaml")
    groups = {path.parent for path in conf.glob("*/**/*.yaml")}
    named = sorted((folder.relative_to(conf).as_posix(), _options(folder)) for folder in groups)
    lines = [f"{name}: {', '.join(options)}\n" for name, options in named]
    return Template(cfg.hydra.help.template).substitute(APP_CONFIG_GROUPS="".join(lines))


def _options(folder: Path) -> list[str]:
    """The names of the files in a folder of conf."""
    return sorted(path.stem for path in folder.glob("*.yaml"))
