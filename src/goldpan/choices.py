"""What can be chosen, read from the folder conf before Hydra composes anything."""

import re
import sys
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from string import Template
from typing import Any

from omegaconf import OmegaConf

from goldpan.families import list_families

ALONE = ["--help", "-h", "--hydra-help", "--version", "--resolve", "--run", "-r", "--multirun"]
ALONE += ["-m", "--shell-completion", "-sc"]
DRY_RUN = "--dry-run"
VALUED = ["--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn"]
VALUED += ["--config-dir", "-cd", "--experimental-rerun", "--info", "-i"]
FLAGS = dict.fromkeys([*ALONE, DRY_RUN], False) | dict.fromkeys(VALUED, True)
"""Each flag of Hydra and goldpan's own, and whether a value follows it."""


def checkout() -> Path | None:
    """The top of the repository that goldpan runs from; None where it was installed as a wheel."""
    top = Path(__file__).parents[2]
    return top if (top / "conf" / "run.yaml").is_file() else None


def conf_folder() -> Path:
    """The folder of all choices: that of the checkout, or the one that the wheel brought."""
    return (checkout() or Path(__file__).parent) / "conf"


YAML = "*.yaml"

METHODS_OWN = ("procedure", "policy", "quantization")
"""Groups of which a method's file may choose the option."""

CONFIG_DIR, SEARCHPATH = ("--config-dir", "-cd"), "hydra.searchpath"
"""Hydra's two ways to name a folder with options beside those of conf."""

ITEM = r"""'[^']*'|"[^"]*"|[^][,\s'"]+"""
"""An item of a list in Hydra's grammar, with its quotes."""


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


def own_folders(arguments: Sequence[str]) -> list[Path]:
    """The user's own folders of options, as --config-dir and hydra.searchpath name them."""
    named = [value for flag, value in _flags(arguments) if flag in CONFIG_DIR]
    named += [text.removeprefix("file://") for text in _searchpath(arguments)]
    return [Path(text).absolute() for text in named if "://" not in text]


def import_own_modules(arguments: Sequence[str]) -> None:
    """Make the user's modules importable: of the current folder, then of `own_folders`.

    They come last on Python's path, so that none of them hides an installed library. Processes of
    cells inherit the path.
    """
    for folder in (Path.cwd(), *own_folders(arguments)):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def bad_choice(arguments: Sequence[str], conf: Path) -> str | None:
    """Say which group=option of a command line has no file; None if all have one.

    Files lie in `conf` and in the user's own folders. Commas separate the options of a sweep. Hydra
    checks what is no group of `conf`. A command takes one table only.
    """
    if not _has_current_folder():
        return "the current folder was deleted; change to another one, such as by cd ~"
    own = own_folders(arguments)
    if missing := [folder for folder in own if not folder.is_dir()]:
        return f"{missing[0]} is to be a folder of options, such as method/mine.yaml; got none"
    tables = list[str]()
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if sentence := _bad_word(argument, before):
            return sentence
        word = read_word(argument)
        is_group = word.name.isalpha() and word.sign != "~" and not FLAGS.get(before)
        known = _options(conf / word.name) if is_group else []
        options = word.value.strip("[]").split(",")  # logger=[wandb,csv] has several
        options = [option.strip().removesuffix(".yaml") for option in options]
        for option in filter(None, options) if known else []:
            if sentence := _bad_option(word.name, option, conf, own):
                return None if _elsewhere(arguments) else sentence
        tables += options if word.name == "table" and known else []
    if len(tables) > 1:
        return f"a command is of one table; got {' and '.join(tables)}: type one after the other"
    return None


def _bad_option(group: str, option: str, conf: Path, own: Sequence[Path]) -> str | None:
    """Say that an option has no file, or that one of the user's files is hidden by goldpan's."""
    theirs, ours = [name for folder in own for name in _options(folder / group)], conf / group
    known = sorted({*_options(ours), *theirs})
    if option in theirs and option in _options(ours):
        return (
            f"{group}/{option}.yaml of your own has the name of goldpan's, which would be taken; "
            "give it another"
        )
    if option in known or set(option) & set("${}()[]'\""):
        return None
    close = get_close_matches(option, known, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"{group} is one of {', '.join(known)}; got {option}{hint}"


def _flags(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each flag that has a value, typed as two words or with "=", and the value."""
    for argument, after in zip(arguments, [*arguments[1:], ""], strict=False):
        flag, equals, value = argument.partition("=")
        if FLAGS.get(flag):
            yield flag, value if equals else after


def _searchpath(arguments: Sequence[str]) -> list[str]:
    """What is typed for hydra.searchpath, a list, item by item."""
    words = [word for argument in arguments if (word := read_word(argument)).name == SEARCHPATH]
    typed = [text for word in words for text in re.findall(ITEM, word.value)]
    return [text.strip("'\"") for text in typed]


def _elsewhere(arguments: Sequence[str]) -> bool:
    """Whether options come from where only Hydra looks: packages, or another folder than conf."""
    packaged = any("://" in text.removeprefix("file://") for text in _searchpath(arguments))
    return packaged or any(flag in ("--config-path", "-cp") for flag, _ in _flags(arguments))


def flags_first(arguments: Sequence[str]) -> list[str]:
    """The words of a command line with its flags before all others, where alone Hydra takes them.

    A flag that needs a value, such as --cfg job, keeps it.
    """
    flags, words = split_flags(arguments)
    return flags + words


def split_flags(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The flags of a command line with their values, and its other words."""
    flags, words = list[str](), list[str]()
    for before, argument in zip(["", *arguments], arguments, strict=False):
        valued = before in FLAGS and FLAGS[before] and not argument.startswith("-")
        (flags if argument.startswith("-") or valued else words).append(argument)
    return flags, words


def asked_per_cell(arguments: Sequence[str]) -> list[str]:
    """The words of a sweep, those below a group with several options as sweeps of one value.

    Hydra 1.3 composes a sweep's other words with each group's default before any cell, and refuses
    method.channels.target=flops beside method=rni,slimming as that default has no channels.
    """
    words = [read_word(argument) for argument in arguments]
    swept = {word.name for word in words if word.name.isalpha() and "," in word.value}
    if not swept or not {"-m", "--multirun"} & {*arguments}:
        return list(arguments)
    below = swept | ({*METHODS_OWN} if "method" in swept else set())
    return [
        f"{word.name}=choice({word.value})" if _waits(word, below) else argument
        for word, argument in zip(words, arguments, strict=True)
    ]


def _waits(word: Word, below: Container[str]) -> bool:
    """Whether a word gives one plain value to an option below one of these groups."""
    one = word.value and not set(word.value) & set(",()[]{}")
    return bool(word.leaf and one and not word.sign and word.root in below)


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


def overview(conf: Path, arguments: Sequence[str] = ()) -> str:
    """The text that Hydra prints for --help, from the template in run.yaml, without loading Hydra.

    Hydra itself takes half a second for it, leaves out what lies in hydra.searchpath, and lists
    methods by name alone.
    """
    cfg: Any = OmegaConf.load(conf / "run.yaml")
    files = [(root, path) for root in (conf, *own_folders(arguments)) for path in root.rglob(YAML)]
    options: dict[str, set[str]] = {}
    for root, path in files:
        options.setdefault(path.parent.relative_to(root).as_posix(), set()).add(path.stem)
    named = sorted((name, sorted(stems)) for name, stems in options.items() if name != ".")
    lines = [f"{name}: {', '.join(stems)}\n" for name, stems in named if name != "method"]
    methods = list_families(path for _, path in files if path.parent.name == "method")
    lines.insert(sum(name < "method" for name, _ in named), f"method:\n{methods}")
    return Template(cfg.hydra.help.template).substitute(APP_CONFIG_GROUPS="".join(lines))


def _options(folder: Path) -> list[str]:
    """The names of the files in a folder of conf."""
    return sorted(path.stem for path in folder.glob(YAML))
