"""The kinds of values that options have: what is accepted, and the words that say so."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from goldpan.duration import Duration

Choices = Mapping[str, Any]
"""A whole configuration, resolved, as plain values."""


@dataclass(frozen=True)
class Kind:
    """What a value must be, in `words` that follow "is", and whether a value is that."""

    words: str
    accepts: Callable[[Any], bool]


def whole(least: int, most: int | None = None) -> Kind:
    """A whole number; true and 3.0 are none."""
    words = f"from {least} on" if most is None else f"from {least} to {most}"

    def accepts(value: Any) -> bool:
        number = isinstance(value, int) and not isinstance(value, bool)
        return number and value >= least and (most is None or value <= most)

    return Kind(f"a whole number {words}", accepts)


def real(interval: str) -> Kind:
    """A finite number in an interval, such as "[0, 1)" or "(0, inf)"."""
    low, high = (float(end) for end in interval[1:-1].split(","))

    def accepts(value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool) or not _finite(value):
            return False
        above = value > low if interval[0] == "(" else value >= low
        return bool(above and (value < high if interval[-1] == ")" else value <= high))

    words = {"[0, inf)": "from 0 on", "(0, inf)": "above 0"}.get(interval, f"in {interval}")
    return Kind(f"a number {words}", accepts)


def one_of(*names: str) -> Kind:
    """One of some words."""
    words = f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
    return Kind(words, lambda value: isinstance(value, str) and value in names)


def either(*kinds: Kind) -> Kind:
    """A value of any of these kinds."""
    words = ", or ".join(kind.words for kind in kinds)
    return Kind(words, lambda value: any(kind.accepts(value) for kind in kinds))


def null_or(kind: Kind) -> Kind:
    """null, or a value of the kind."""
    return either(kind, NULL)


def list_of(kind: Kind, *, least: int = 0, most: float = math.inf) -> Kind:
    """A list of at least so many and at most so many values of the kind."""
    if least == most:
        count = f"{least} values"
    else:
        count = f"at least {least} values" if least else "values"

    def accepts(value: Any) -> bool:
        return (
            isinstance(value, list)
            and least <= len(value) <= most
            and all(kind.accepts(item) for item in value)
        )

    return Kind(f"a list of {count}, each {kind.words}", accepts)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def _is_duration(value: Any) -> bool:
    try:
        Duration.parse(value)
    except ValueError:
        return False
    return True


def _is_span(value: Any) -> bool:
    return _is_duration(value) and Duration.parse(value).amount > 0


def _is_length(value: Any) -> bool:
    return _is_span(value) and Duration.parse(value).unit != "run"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "\0" not in value


NULL = Kind("null", lambda value: value is None)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
TEXT = Kind("a text that is not empty", _is_text)
DURATION = Kind("a duration such as 25000it, 10ep or 0.5", _is_duration)
SPAN = Kind("a duration above 0 such as 25000it, 10ep or 0.5", _is_span)
LENGTH = Kind("a duration above 0 such as 25000it, 10ep or 10", _is_length)
DOTTED = Kind(
    "the dotted name of a function or class, such as torch.optim.SGD",
    lambda value: (
        isinstance(value, str) and bool(re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", value))
    ),
)
FOLDER = Kind(
    "a folder of this machine",
    lambda value: _is_text(value) and "://" not in value,
)
PART = Kind(
    "a part with its own _target_",
    lambda value: isinstance(value, dict) and "_target_" in value,
)
GROUP = Kind("a group of options", lambda value: isinstance(value, dict))
ANYTHING = Kind("anything", lambda value: True)
NOWHERE = Kind("what goldpan sets itself, so delete the word", lambda value: False)
