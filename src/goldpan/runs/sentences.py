"""What Hydra says in several lines, in one sentence, and the end of a command that is refused."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from goldpan.runs.schema import unknown

FULL = "HYDRA_FULL_ERROR"
"""The environment variable that asks for tracebacks, where it is 1."""

SHOW_ALL = os.environ.get(FULL) == "1"

REWORDED = (
    (
        r"Ambiguous value for argument '(?P<word>.*?)' 1\. To use it as a list",
        "{word} has several values: type -m for a sweep of them, or brackets for a list",
    ),
    (
        r"Sweep parameters '(?P<word>.*?)' requires --multirun",
        "{word} has several values: type -m for a sweep of them",
    ),
    (
        r"An item is already at '(?P<word>.*?)'",
        "{word} exists already; set it without +, as {word}=VALUE",
    ),
    (
        r"Multiple values for (?P<word>\S+?)\.",
        "{word} has an option already; choose another without +, as {word}=OPTION",
    ),
    (
        r"Could not delete (?:from config\. )?(?:The value of )?'(?P<word>[^']*)'",
        "~{word} deletes what is not there; leave it out",
    ),
    (r"Interpolation key '(?P<word>.*?)' not found", "there is no option {word} to copy from"),
    (
        r"Environment variable '(?P<word>.*?)' not found",
        "the environment variable {word} is not set; set it, or type the value",
    ),
    (
        r"Could not override 'table'\. No match",
        "a table is added to a command: type +table=NAME",
    ),
)
"""What Hydra's or OmegaConf's message contains -> what goldpan says instead."""


@contextmanager
def one_sentence(kinds: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """End the command with one sentence and exit code 1 if what it was asked for is impossible.

    Hydra's errors say so, a Refusal among them, and errors of `kinds`. HYDRA_FULL_ERROR=1 shows
    the traceback.
    """
    try:
        yield
    except Exception as error:
        if SHOW_ALL or not isinstance(error, (HydraException, OmegaConfBaseException, *kinds)):
            raise
        sys.exit(sentence(error))


@contextmanager
def hydra_raises() -> Iterator[None]:
    """Let Hydra raise its errors, which it would print with two lines of its own."""
    os.environ[FULL] = "1"
    try:
        with one_sentence((ValueError, TypeError, LookupError, OSError)):
            yield
    finally:
        hydra_prints()


def hydra_prints() -> None:
    """Undo `hydra_raises` before the work, so that no process that is started inherits it."""
    if not SHOW_ALL:
        os.environ.pop(FULL, None)


def sentence(error: BaseException) -> str:
    """An error in one sentence, in goldpan's words where Hydra's take several lines."""
    parse = next((e for e in _causes(error) if isinstance(e, OverrideParseException)), None)
    if parse is not None:
        return _unreadable(parse.override)
    text = " ".join(str(error).split())
    for pattern, words in REWORDED:
        if found := re.search(pattern, text):
            return words.format(**found.groupdict())
    if found := re.search(r"Could not override '([^'=@]+)", text):
        return unknown(found[1])
    if found := re.search(r"Could not find '(\S+)/(\S*?)'.*Available options in '\S+': (.*)", text):
        known = found[3].partition(" Config search path")[0].split()
        near = get_close_matches(found[2], known, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return f"{found[1]} is one of {', '.join(known)}; got {found[2] or 'nothing'}{hint}"
    text = re.sub(r" (full_key|object_type|reference_type)[:=] ?\S+", "", text)
    return re.sub(r" ?See https://hydra\S* for details", "", text) or type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _unreadable(word: str) -> str:
    """The sentence on a word that is no override in Hydra's grammar."""
    name, equals, value = word.partition("=")
    if not equals:
        return f"{word} is no word of a command; expected NAME=VALUE, such as seed=1"
    if not re.fullmatch(r"[+~]*[\w.@/:-]+", name):
        return f"{word} has no name of an option before =; expected NAME=VALUE, such as seed=1"
    return f"the value of {name} cannot be read, got {value}; put it in quotes: '{name}=\"...\"'"
