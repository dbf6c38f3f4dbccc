"""The cells of a sweep: every combination of what was typed with commas or stands in a table."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from goldpan.experiment import plan_run
from goldpan.record import RECORD, Record, read_record

PLAIN = ("hydra.mode=RUN",)
"""Said to every cell: a table asks for a sweep, a cell of it is one run."""


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: its command line, configuration, record to be, and folder.

    `axes` holds what tells it from the sweep's other cells, by name, as typed.
    """

    overrides: tuple[str, ...]
    axes: Mapping[str, str]
    choices: Mapping[str, Any]
    draft: Record
    folder: Path

    def record(self) -> Record | None:
        """The record that the cell has; None if there is none.

        Raises:
            ValueError: if it is not whole, or of another run.
        """
        path = self.folder / RECORD
        if not path.exists():
            return None
        record = read_record(path)
        if record.id != self.draft.id:
            raise ValueError(
                f"{path} is the record of another run, {record.id} instead of {self.draft.id}; "
                "move it away, nothing is deleted"
            )
        return record


@dataclass(frozen=True)
class Plan:
    """A sweep: its table, if it has one, its axes with their values as typed, and its cells.

    `own` holds the axes of the table's file, whatever a command line makes of them. Two
    combinations with one result (a dense network at several sparsities) are two cells of one
    folder.
    """

    table: Mapping[str, Any] | None
    axes: Mapping[str, Sequence[str]]
    cells: Sequence[Cell]
    own: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def runs(self) -> list[Cell]:
        """One cell for each folder, in order."""
        return list({cell.folder: cell for cell in self.cells}.values())


def plan(arguments: Sequence[str], conf: Path) -> Plan:
    """The cells of a command line, such as ["+table=digits", "seed=0,1"].

    Args:
        conf: the folder of run.yaml, unless Hydra runs already.

    Raises:
        ValueError, FileNotFoundError, hydra.errors.HydraException: if a cell cannot be.
    """
    if GlobalHydra.instance().is_initialized():
        return _plan(arguments)
    with initialize_config_dir(str(conf.absolute()), version_base="1.3"):
        return _plan(arguments)


def _plan(arguments: Sequence[str]) -> Plan:
    loader = GlobalHydra.instance().config_loader()
    parser = OverridesParser.create(config_loader=loader)
    typed = parser.parse_overrides(list(arguments))
    tables = [o.input_line or "" for o in typed if o.key_or_group == "table"]
    base = compose("run", [*tables, *PLAIN], return_hydra_config=True)
    params: Mapping[str, Any] = base.hydra.sweeper.get("params") or {}
    named = parser.parse_overrides([f"{name}={value}" for name, value in params.items()])
    own = {axis.get_key_element(): _values(axis) for axis in named}
    axes = own | {override.get_key_element(): _values(override) for override in typed}
    swept = {name: values for name, values in axes.items() if len(values) > 1 or name in own}
    groups = {name for name in axes if loader.get_group_options(name.lstrip("+~").split("@")[0])}
    composer = _Composer(parser, groups)
    cells = []
    for values in product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        cells.append(composer.cell(chosen, [name for name in axes if name in swept]))
    table = base.get("table")
    return Plan(
        OmegaConf.to_container(table, resolve=True) if table else None,  # type: ignore[arg-type]
        swept,
        cells,
        own,
    )


def _values(override: Override) -> list[str]:
    """The values of an override, as typed; one unless it sweeps."""
    if not override.is_sweep_override():
        return [override.get_value_element_as_str()]
    if not override.is_discrete_sweep():
        raise ValueError(
            f"{override.input_line} is an interval, which only a search can take; "
            "give values with commas, or choose hydra/sweeper=search"
        )
    return [str(value) for value in override.sweep_string_iterator()]


class _Composer:
    """Composes cells; those that choose the same options are composed once and then differ.

    Hydra takes some 50 ms for one, and a table has a hundred.
    """

    def __init__(self, parser: OverridesParser, groups: Iterable[str]) -> None:
        self.parser, self.groups = parser, set(groups)
        self.composed: dict[tuple[str, ...], tuple[DictConfig, dict[str, str]]] = {}

    def cell(self, chosen: Mapping[str, str], swept: Sequence[str]) -> Cell:
        overrides = tuple(f"{name}={value}" for name, value in chosen.items())
        options = tuple(f"{name}={chosen[name]}" for name in chosen if name in self.groups)
        values = [text for text in overrides if text not in options]
        cfg, choices = self._composed(options, values)
        draft, folder = plan_run(cfg, choices, overrides)
        resolved: Any = OmegaConf.to_container(cfg, resolve=True)
        return Cell(overrides, {name: chosen[name] for name in swept}, resolved, draft, folder)

    def _composed(
        self, options: tuple[str, ...], values: Sequence[str]
    ) -> tuple[DictConfig, dict[str, str]]:
        """The configuration, and the chosen option of each group."""
        if any(text[0] in "+~" for text in values):
            return _compose([*options, *values])
        if options not in self.composed:
            self.composed[options] = _compose(options)
        cfg, choices = deepcopy(self.composed[options])
        for override in self.parser.parse_overrides(list(values)):
            try:
                OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True)
            except OmegaConfBaseException as error:
                raise ValueError(
                    f"{override.input_line} cannot be set: {str(error).splitlines()[0]}"
                ) from error
        return cfg, choices


def _compose(overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    cfg = compose("run", [*overrides, *PLAIN], return_hydra_config=True)
    choices = dict(cfg.hydra.runtime.choices)
    with open_dict(cfg):
        del cfg["hydra"]
    return cfg, choices
