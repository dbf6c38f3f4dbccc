"""Composes the choices of cells by Hydra, once for all cells that differ in plain values only.

A composition takes Hydra some 80 ms, and the hundred cells of a table share a few of them. So each
plain value, such as a seed, is replaced by a placeholder before Hydra composes, and the values of
each cell are put in afterwards.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra import compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from goldpan.runs.experiment import resolve
from goldpan.runs.sentences import sentence

PLAIN = ("hydra.mode=RUN",)
"""Overrides of every cell: a table's file asks Hydra for a sweep, but a cell is one run."""

COPY = re.compile(r"\$\{[\w.]+\}|\$\{oc\.env:[^${}]*\}[^${}]*")
"""Interpolations that only copy another value, or one of the environment."""

Composed = tuple[Mapping[str, Any], Mapping[str, str]]
"""Resolved choices, and the chosen option of each of Hydra's groups."""


class Composer:
    """Composes the cells of one sweep, and remembers what Hydra has composed."""

    def __init__(
        self, parser: OverridesParser, values: Sequence[str], always: Sequence[str] = PLAIN
    ) -> None:
        """`values` are the names of the axes with plain values: they choose no group's option.

        `always` are overrides for Hydra itself in every composition.
        """
        self.parser, self.always = parser, always
        self.placeholders = {
            name: f"placeholder_{index}_of_goldpan" for index, name in enumerate(values)
        }
        self.values: dict[str, Any] = {}
        self.composed: dict[tuple[str, ...], Composed | None] = {}

    def compose(self, chosen: Mapping[str, str]) -> Composed:
        """Return a cell's choices and groups; `chosen` is as typed. Raises as `compose_one`."""
        values = {name: self.read(name, chosen[name]) for name in self.placeholders}
        used = {name: text for name, text in self.placeholders.items() if _is_plain(values[name])}
        words = tuple(f"{name}={used.get(name, text)}" for name, text in chosen.items())
        if words not in self.composed:
            self.composed[words] = _compose_placeholders(words, self.always)
        if found := self.composed[words]:
            choices, groups = found
            return _put(choices, {text: values[name] for name, text in used.items()}), groups
        # This cell is composed as it was typed, and an error then names what was typed.
        typed = [f"{name}={text}" for name, text in chosen.items()]
        cfg, own = compose_one(typed, self.always)
        return resolve(cfg), own

    def read(self, name: str, text: str) -> Any:
        """The value of an override, as Hydra parses it."""
        override = f"{name}={text}"
        if override not in self.values:
            self.values[override] = self.parser.parse_override(override).value()
        return self.values[override]


def compose_one(
    overrides: Sequence[str], always: Sequence[str] = PLAIN
) -> tuple[DictConfig, dict[str, str]]:
    """Return a run's configuration without Hydra's own part, and the option of each group.

    Raises ValueError, in one sentence, if Hydra cannot compose it.
    """
    try:
        cfg = compose("run", [*overrides, *always], return_hydra_config=True)
    except HydraException as error:
        raise ValueError(sentence(error)) from error
    groups = dict(cfg.hydra.runtime.choices)
    with open_dict(cfg):
        del cfg["hydra"]
    return cfg, groups


def _compose_placeholders(overrides: Sequence[str], always: Sequence[str]) -> Composed | None:
    """The choices with placeholders in them; None if putting values in could be wrong.

    It could where an interpolation builds a text from values, since the text would then contain a
    placeholder. And a placeholder is a text, which something may refuse where a number is right.
    """
    try:
        cfg, groups = compose_one(overrides, always)
        texts = _texts(OmegaConf.to_container(cfg))
        if all(COPY.fullmatch(text) for text in texts if "${" in text):
            return resolve(cfg), groups
    except (ValueError, HydraException, OmegaConfBaseException):
        pass  # the cell is composed as it was typed, and fails then if it must
    return None


def _is_plain(value: object) -> bool:
    """Whether Hydra only copies the value: it is a number or a text without interpolation."""
    if isinstance(value, str):
        return "${" not in value and value != "???"
    return isinstance(value, int | float)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a container."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _put(value: Any, values: Mapping[str, Any]) -> Any:
    """The same choices with values for placeholders; parts without a placeholder are shared."""
    if isinstance(value, str):
        return values.get(value, value)
    if isinstance(value, dict):
        items = {name: _put(item, values) for name, item in value.items()}
        return items if any(items[name] is not value[name] for name in value) else value
    if isinstance(value, list):
        return [_put(item, values) for item in value]
    return value
