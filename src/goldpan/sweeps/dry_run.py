"""What a command would do, without doing it: `--dry-run` lists the cells of a sweep or a table."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from goldpan.choices import DRY_RUN
from goldpan.runs.fingerprint import changed
from goldpan.runs.rerun import MADE_BY, is_wanted, stale
from goldpan.sweeps.cells import Cell, Plan, plan
from goldpan.sweeps.position import goes_on, read_position
from goldpan.sweeps.progress import title
from goldpan.sweeps.times import RESULTS, Times, read_times

SWEEP = ("-m", "--multirun")
MINUTE = 60.0
"""Seconds."""


def dry_run(arguments: Sequence[str], conf: Path, results: Path = RESULTS) -> str:
    """A line for each cell of a command: how it stands, and the minutes that it would take.

    They are told by records in the output folder or below `results`. `conf` is the folder of
    run.yaml. Nothing is written.

    Raises ValueError, FileNotFoundError or HydraException if a cell is impossible, or the command
    would be refused.
    """
    words = [word for word in arguments if not word.startswith("-")]
    flags = {*arguments} - {*words, DRY_RUN, *SWEEP}
    if flags:
        raise ValueError(f"{DRY_RUN} takes no other flag than -m; got {' '.join(sorted(flags))}")
    if "hydra/sweeper=search" in words:
        raise ValueError(f"{DRY_RUN} lists the cells of a sweep; a search finds its own as it goes")
    planned = plan(words, conf)
    many = [f"{name}={','.join(values)}" for name, values in planned.axes.items()]
    if planned.table is None and many and not {*arguments} & {*SWEEP}:
        raise ValueError(f"{many[0]} has several values: type -m for a sweep of them")
    return _listed(planned, read_times(planned.runs, results))


def state(cell: Cell) -> str:
    """How a cell stands: done, stale, failed, cut short at an epoch, or to do."""
    try:
        record = cell.record()
    except ValueError:
        return "failed: broken record"
    if record is not None and record.done:
        return f"stale: {part}" if (part := stale(record, cell.draft)) else "done"
    if record is not None:
        return "failed"
    if not goes_on(cell.folder):
        return "to do"
    position = read_position(cell)
    place = position.place if position else "before its first epoch ended"
    if part := _starts_over(cell):
        return f"to do: the {part} changed since {place}"
    return f"cut short at {place}" if position else f"cut short {place}"


def minutes(cell: Cell, times: Times) -> float | None:
    """The minutes that a cell would take from where it stands; None where nothing tells."""
    total, done = times.expected(cell), 0.0
    if goes_on(cell.folder) and not _starts_over(cell) and (position := read_position(cell)):
        total, done = total or position.total, position.fraction
    return None if total is None else total * (1 - done) / MINUTE


def _starts_over(cell: Cell) -> str:
    """What changed since the cell's checkpoint was written, so that it counts no more."""
    made_by = cell.folder / MADE_BY
    today = cell.draft.origin.fingerprint
    return changed(made_by.read_text(), today) if made_by.exists() else ""


def _is_run(cell: Cell) -> bool:
    """Whether the command would run the cell."""
    rerun = cell.choices.get("rerun")
    try:
        record = cell.record()
    except ValueError:
        return rerun is not None
    return record is None or is_wanted(record, cell.draft, rerun)


def _listed(planned: Plan, times: Times) -> str:
    """The cells as aligned columns, and below them how many stand how, and what they take."""
    cells = planned.runs
    wanted = {cell.folder: minutes(cell, times) for cell in cells if _is_run(cell)}
    states = [state(cell) for cell in cells]
    rows = [("cell", "state", "minutes")]
    for cell, stands in zip(cells, states, strict=True):
        takes = wanted.get(cell.folder)
        known = "unknown" if takes is None else f"{takes:.1f}"
        rows.append((title(cell), stands, known if cell.folder in wanted else "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f"{one:{widths[0]}}  {two:{widths[1]}}  {three:>7}" for one, two, three in rows]
    counts = Counter(text.partition(" at ")[0].partition(":")[0] for text in states)
    listed = ", ".join(f"{count} {text}" for text, count in counts.items())
    total = f"{len(cells)} cells: {listed}"
    return "\n".join([*lines, total, _sum([*wanted.values()])])


def _sum(takes: Sequence[float | None]) -> str:
    """How many cells would run, and what they take together."""
    known = [one for one in takes if one is not None]
    parts = [f"{sum(known):.1f} minutes one after another"] if known else []
    if unknown := len(takes) - len(known):
        parts.append(f"an unknown time for {unknown}" if known else "for an unknown time")
    return f"would run {len(takes)}: {', and '.join(parts)}" if takes else "would run none"
