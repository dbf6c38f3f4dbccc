"""The cells of a sweep: one for each combination of the values of its axes.

An axis is an option with several values, typed with commas or written in a table.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf

from goldpan.choices import SEARCHPATH, read_word
from goldpan.runs.experiment import plan_run
from goldpan.runs.identity import NOT_DECISIVE
from goldpan.runs.record import RECORD, Record, read_record
from goldpan.runs.schema import check_option
from goldpan.runs.sentences import sentence
from goldpan.sweeps.composing import PLAIN, Composer


@dataclass(frozen=True)
class Cell:
    """One run of a sweep.

    `overrides` is its command line, `axes` its value on each axis of the sweep, as typed, `choices`
    its configuration, `draft` its record before it starts, and `folder` where its files go.
    """

    overrides: tuple[str, ...]
    axes: Mapping[str, str]
    choices: Mapping[str, Any]
    draft: Record
    folder: Path

    def record(self) -> Record | None:
        """Read the record in the folder, if any; ValueError if it is broken or of another run."""
        path = self.folder / RECORD
        if not path.exists():
            return None
        record = read_record(path)
        if record.identity.id != self.draft.identity.id:
            raise ValueError(
                f"{path} is the record of another run, {record.identity.id} instead of "
                f"{self.draft.identity.id}; move it away, nothing is deleted"
            )
        return record


@dataclass(frozen=True)
class Plan:
    """A sweep before it starts: its table, if it has one, its axes and its cells.

    `axes` gives each axis its values, as typed; `own` those of the table's file, which the command
    line may narrow or extend. Two combinations with one result (a dense network at several
    sparsities) are two cells with one folder.
    """

    table: Mapping[str, Any] | None
    axes: Mapping[str, Sequence[str]]
    cells: Sequence[Cell]
    own: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def runs(self) -> list[Cell]:
        """The cells without those whose folder another cell has too."""
        return list({cell.folder: cell for cell in self.cells}.values())


def plan(arguments: Sequence[str], conf: Path) -> Plan:
    """Return the plan of a command line, such as ["+table=digits", "seed=0,1"].

    A word hydra.searchpath=[FOLDER] names a folder with the user's own options.

    `conf` is the folder of run.yaml; it does not count if Hydra runs already. Raises ValueError,
    FileNotFoundError or hydra.errors.HydraException if a cell is impossible.
    """
    if GlobalHydra.instance().is_initialized():
        return _plan(arguments)
    with initialize_config_dir(str(conf.absolute()), version_base="1.3"):
        return _plan(arguments)


def _plan(arguments: Sequence[str]) -> Plan:
    """`plan`, where Hydra runs already."""
    loader = GlobalHydra.instance().config_loader()
    parser = OverridesParser.create(config_loader=loader)
    own_options = [text for text in arguments if read_word(text).name == SEARCHPATH]
    always = (*own_options, *PLAIN)
    typed = parser.parse_overrides([text for text in arguments if text not in own_options])
    of_table = [o for o in typed if o.key_or_group.split(".")[0] == "table"]
    tables = [override.input_line or "" for override in of_table]
    if many := [o.input_line for o in of_table if o.is_sweep_override()]:
        raise ValueError(f"a table takes one value, and has no axis itself; got {many[0]}")
    base = compose("run", [*tables, *always], return_hydra_config=True)
    params: Mapping[str, Any] = base.hydra.sweeper.get("params") or {}
    named = parser.parse_overrides([f"{name}={value}" for name, value in params.items()])
    own = {axis.get_key_element(): _values(axis) for axis in named}
    axes = own | {override.get_key_element(): _values(override) for override in typed}
    swept = {name: values for name, values in axes.items() if len(values) > 1 or name in own}
    composer = Composer(parser, [name for name in swept if not _is_group(name, loader)], always)
    table = base.get("table")
    chosen = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    cells = _cells(chosen, swept, composer)
    return Plan(
        OmegaConf.to_container(table, resolve=True) if table else None,  # type: ignore[arg-type]
        swept,
        _grouped(cells, _group(arguments)) if swept else cells,
        own,
    )


def _cells(
    chosen: Sequence[Mapping[str, str]], swept: Iterable[str], composer: Composer
) -> list[Cell]:
    """Every cell.

    Raises:
        ValueError: if one is impossible; the sentence is the first fault's, and says of how many.
    """
    cells, faults = list[Cell](), list[Exception]()
    for values in chosen:
        try:
            cells.append(_cell(values, swept, composer))
        except (ValueError, TypeError, LookupError, OSError, HydraException) as error:
            faults.append(error)
    if faults:
        first = sentence(faults[0])
        share = sum(sentence(fault) == first for fault in faults)
        counted = f" (in {share} of {len(chosen)} cells)" if len(chosen) > 1 else ""
        raise ValueError(first + counted) from faults[0]
    return cells


def _cell(chosen: Mapping[str, str], swept: Iterable[str], composer: Composer) -> Cell:
    """The cell with the chosen value of each option."""
    overrides = tuple(f"{name}={text}" for name, text in chosen.items())
    if "sparsity" in chosen:  # that of a dense network is 0 once it is composed
        check_option("sparsity", composer.read("sparsity", chosen["sparsity"]))
    choices, groups = composer.compose(chosen)
    draft, folder = plan_run(choices, groups, overrides)
    return Cell(overrides, {name: chosen[name] for name in swept}, choices, draft, folder)


def _group(arguments: Sequence[str]) -> str:
    """What the runs of a sweep are called together: its table, else what was typed.

    Words that decide no result are left out.
    """
    words = [read_word(text) for text in arguments]
    tables = [word.value for word in words if word.name == "table"]
    typed = [str(word) for word in words if word.root not in (*NOT_DECISIVE, "hydra")]
    return (tables or [" ".join(typed)])[0]


def _grouped(cells: Sequence[Cell], group: str) -> list[Cell]:
    """The cells with this group in the logger's options, where it has one and none was given."""
    return list(cells) if os.environ.get("WANDB_RUN_GROUP") else [_in(group, c) for c in cells]


def _in(group: str, cell: Cell) -> Cell:
    """The cell in this group, unless its logger has no groups or it is in one."""
    logger = cell.choices.get("logger") or {}
    if not group or logger.get("group", "") is not None:
        return cell
    group = group.replace("${", "{")  # not to be copied from elsewhere
    quoted = QuotedString(group, Quote.single).with_quotes()
    return replace(
        cell,
        overrides=(*cell.overrides, f"logger.group={quoted}"),
        choices={**cell.choices, "logger": {**logger, "group": group}},
    )


def _is_group(name: str, loader: ConfigLoader) -> bool:
    """Whether an axis chooses a group's option or removes one, so that it is no plain value."""
    word = read_word(name)
    return word.sign == "~" or bool(loader.get_group_options(word.name.split("@")[0]))


def _values(override: Override) -> list[str]:
    """The values of an override as typed; ValueError if a sweep cannot have it."""
    if override.key_or_group.startswith("hydra."):
        raise ValueError(
            f"{override.input_line} cannot be set for a sweep; its axes are typed as name=value, "
            "such as seed=0,1"
        )
    if not override.is_sweep_override():
        return [override.get_value_element_as_str()]
    if not override.is_discrete_sweep():
        raise ValueError(
            f"{override.input_line} is an interval, which only a search can take; "
            "give values with commas, or choose hydra/sweeper=search"
        )
    return [str(value) for value in override.sweep_string_iterator()]
