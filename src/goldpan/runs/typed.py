"""Dataclasses from what JSON made of them, with every value of the type that its field says."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints


def build(kind: Any, values: Any, at: str = "") -> Any:
    """A dataclass, and its parts that are dataclasses too; `at` is the dotted name of its place.

    Raises:
        ValueError: if a field is missing, is not one of its own, or has a value of another type.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{at or 'it'} is a group of fields; got {_short(values)}")
    start, known = f"{at}." if at else "", {field.name: field for field in fields(kind)}
    if unknown := values.keys() - known.keys():
        raise ValueError(f"unknown field {start}{min(unknown)}")
    for name, field in known.items():
        free = field.default is not MISSING or field.default_factory is not MISSING
        if name not in values and not free:
            raise ValueError(f"{start}{name} is missing")
    hints = get_type_hints(kind)
    return kind(**{n: _typed(hints[n], value, start + n) for n, value in values.items()})


def _typed(hint: Any, value: Any, at: str) -> Any:
    """The value, if it is of this type; ValueError if not."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any or (origin is Literal and value in inner):
        return value
    if is_dataclass(hint):
        return build(hint, value, at)
    if type(None) in inner and value is None:
        return None
    if len(parts := [kind for kind in inner if kind is not type(None)]) == 1 < len(inner):
        return _typed(parts[0], value, at)  # X | None
    if origin is Mapping and isinstance(value, dict):
        return {key: _typed(inner[1], item, f"{at}.{key}") for key, item in value.items()}
    if origin in (list, tuple) and isinstance(value, list):
        return origin(_typed(inner[0], item, at) for item in value)
    plain = (hint,) if origin in (None, Literal, Mapping, list, tuple) else inner  # X | Y
    if not any(_is_plain(kind, value) for kind in plain):
        raise ValueError(f"{at} is {_words(hint)}; got {_short(value)}")
    return value


def _is_plain(kind: Any, value: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return kind in (int, str) and isinstance(value, kind)


def _words(hint: Any) -> str:
    names = {int: "a whole number", float: "a finite number", str: "a text"}
    origin = get_origin(hint)
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    groups = {Mapping: "a group of values", list: "a list", tuple: "a list"}
    plain = groups.get(origin) if origin is not None else names.get(hint)
    return plain or " or ".join(names.get(kind, str(kind)) for kind in get_args(hint))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
