"""The choices of cells, as Hydra composes them: once for all cells that differ by plain values."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra import compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from goldpan.runs.experiment import resolve

PLAIN = ("hydra.mode=RUN",)
"""Said to every cell: a table asks for a sweep, a cell of it is one run."""

COPY = re.compile(r"\$\{[\w.]+\}|\$\{oc\.env:[^${}]*\}[^${}]*")
"""Interpolations that take another value as it is, or one of the environment."""

Composed = tuple[Mapping[str, Any], Mapping[str, str]]
"""Resolved choices, and the chosen option of each of Hydra's groups."""


class Composer:
    """Composes cells with a mark for each plain value, and puts the values where the marks are.

    Hydra takes some 80 ms for a cell, and a table has a hundred that share a few compositions.
    """

    def __init__(self, parser: OverridesParser, values: Sequence[str]) -> None:
        """`values` are the names of axes that are no groups: they decide no other option."""
        self.parser = parser
        self.marks = {name: f"mark_{index}_of_goldpan" for index, name in enumerate(values)}
        self.read: dict[str, Any] = {}
        self.marked: dict[tuple[str, ...], Composed | None] = {}

    def compose(self, chosen: Mapping[str, str]) -> Composed:
        """The choices of a cell, from its values by name, as typed.

        Raises:
            ValueError, hydra.errors.HydraException: if it cannot be.
        """
        values = {name: self._read(name, chosen[name]) for name in self.marks}
        marks = {name: mark for name, mark in self.marks.items() if _is_plain(values[name])}
        texts = tuple(f"{name}={marks.get(name, text)}" for name, text in chosen.items())
        if texts not in self.marked:
            self.marked[texts] = _compose_marked(texts)
        if found := self.marked[texts]:
            choices, groups = found
            return _put(choices, {mark: values[name] for name, mark in marks.items()}), groups
        cfg, own = compose_one([f"{name}={text}" for name, text in chosen.items()])
        return resolve(cfg), own

    def _read(self, name: str, text: str) -> Any:
        """The value of an override."""
        override = f"{name}={text}"
        if override not in self.read:
            self.read[override] = self.parser.parse_override(override).value()
        return self.read[override]


def compose_one(overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """One run's configuration without Hydra's own part, and the chosen option of each group.

    Raises:
        ValueError: in one sentence, if a value has no place in it.
        hydra.errors.HydraException: if an option cannot be.
    """
    try:
        cfg = compose("run", [*overrides, *PLAIN], return_hydra_config=True)
    except ConfigCompositionException as error:
        why, bad = error.__cause__, [text for text in overrides if str(error).endswith(text)]
        if not bad or not isinstance(why, OmegaConfBaseException):
            raise
        raise ValueError(f"{bad[0]} cannot be set: {str(why).splitlines()[0]}") from error
    groups = dict(cfg.hydra.runtime.choices)
    with open_dict(cfg):
        del cfg["hydra"]
    return cfg, groups


def _compose_marked(overrides: Sequence[str]) -> Composed | None:
    """The choices with marks in them; None if a value could do more than stand where its mark is.

    So it is where the configuration computes with values, and where one is refused.
    """
    try:
        cfg, groups = compose_one(overrides)
        texts = _texts(OmegaConf.to_container(cfg))
        if all(COPY.fullmatch(text) for text in texts if "${" in text):
            return resolve(cfg), groups
    except (ValueError, HydraException, OmegaConfBaseException):
        pass  # said of the cell itself, by what was typed
    return None


def _is_plain(value: object) -> bool:
    """Whether Hydra only copies it: not null, no mapping or list, no interpolation."""
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
    """The same choices with values in place of marks; parts without a mark are not copied."""
    if isinstance(value, str):
        return values.get(value, value)
    if isinstance(value, dict):
        items = {name: _put(item, values) for name, item in value.items()}
        return items if any(items[name] is not value[name] for name in value) else value
    if isinstance(value, list):
        return [_put(item, values) for item in value]
    return value
