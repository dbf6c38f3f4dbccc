"""What can be chosen, read from the folder conf before Hydra composes anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from string import Template
from typing import Any

from omegaconf import OmegaConf

ALONE = ["--help", "-h", "--hydra-help", "--version", "--resolve", "--run", "-r", "--multirun"]
ALONE += ["-m", "--shell-completion", "-sc"]
VALUED = ["--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn"]
VALUED += ["--config-dir", "-cd", "--experimental-rerun", "--info", "-i"]
FLAGS = dict.fromkeys(ALONE, False) | dict.fromkeys(VALUED, True)
"""Each flag of Hydra, and whether a value follows it."""


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
    if not _has_current_folder():
        return "the current folder was deleted; change to another one, such as by cd ~"
    tables = list[str]()
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if sentence := _bad_word(argument, before):
            return sentence
        word = read_word(argument)
        known = _options(conf / word.name) if word.name.isalpha() and word.sign != "~" else []
        options = word.value.strip("[]").split(",") if known else []
        for option in options:
            option = option.strip()
            if (
                option
                and option.removesuffix(".yaml") not in known
                and not set(option) & set("${}()[]'\"")
            ):
                close = get_close_matches(option, known, n=1)
                hint = f" (did you mean {close[0]}?)" if close else ""
                return f"{word.name} is one of {', '.join(known)}; got {option}{hint}"
        tables += options if word.name == "table" else []
    if len(tables) > 1:
        return f"a command is of one table; got {' and '.join(tables)}: type one after the other"
    return None


def flags_first(arguments: Sequence[str]) -> list[str]:
    """The words of a command line with its flags before all others, where alone Hydra takes them.

    A flag that needs a value, such as --cfg job, keeps it.
    """
    flags, words = list[str](), list[str]()
    for before, argument in zip(["", *arguments], arguments, strict=False):
        valued = before in FLAGS and FLAGS[before] and not argument.startswith("-")
        (flags if argument.startswith("-") or valued else words).append(argument)
    return flags + words


def _bad_word(argument: str, before: str) -> str | None:
    """Say what is wrong with a flag, or with a word that names nothing."""
    flag = argument.partition("=")[0]
    if argument.startswith("-") and flag not in FLAGS:
        close = get_close_matches(flag, FLAGS, n=1)
        return f"{flag} is no flag; " + (f"did you mean {close[0]}?" if close else "see --help")
    if FLAGS.get(before) or argument.startswith("-"):
        return None
    if not read_word(argument).name.strip():
        return f"{argument or 'an empty word'} names no option; type NAME=VALUE, such as seed=1"
    return None


def _has_current_folder() -> bool:
    try:
        return Path.cwd().exists()
    except FileNotFoundError:
        return False


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
