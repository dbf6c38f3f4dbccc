"""Whether a record that was read holds what its fields are declared to hold."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from math import isfinite
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

UNIONS = (Union, type(int | None))
"""What `get_origin` makes of a union, whichever way it is written."""


def misfit(hint: Any, value: object, name: str = "") -> str | None:
    """The name of the first part of a value that is not of its type, such as "costs.flops".

    None if all are. Of a float, NaN and infinity are none; a whole number is one.
    """
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind in UNIONS:
        found = [misfit(part, value, name) for part in parts]
        return None if None in found else max(map(str, found), key=len)
    if is_dataclass(kind) and isinstance(value, kind):  # type: ignore[arg-type]
        for field, of in _hints(kind).items():  # type: ignore[arg-type]
            if wrong := misfit(of, getattr(value, field), f"{name}.{field}".lstrip(".")):
                return wrong
        return None
    if kind in (list, tuple, Mapping) and isinstance(value, kind):
        items = [*value.items()] if isinstance(value, Mapping) else [(v,) for v in value]
        hints = [part for part in parts if part is not ...]
        pairs = (pair for item in items for pair in zip(hints, item, strict=True))
        return name if any(misfit(hint, part, name) for hint, part in pairs) else None
    return None if _fits(kind, parts, value) else name or "it"


def _fits(kind: Any, parts: tuple[Any, ...], value: object) -> bool:
    """Whether a plain value is of its type."""
    if kind is Any:
        return True
    if kind is Literal:
        return value in parts
    if kind in (int, float) and isinstance(value, int | float):
        whole = kind is float or isinstance(value, int)
        return whole and not isinstance(value, bool) and isfinite(value)
    return isinstance(value, kind)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
