"""A sweep runs the cells of a plan that have no result, and then says how every cell ended."""

import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from omegaconf import DictConfig

from goldpan.choices import SEARCHPATH
from goldpan.runs.build import build
from goldpan.runs.experiment import TERMINATED, read_done
from goldpan.runs.record import LOCK, Record
from goldpan.runs.rerun import is_wanted, set_aside, stale
from goldpan.sweeps.cells import Cell, Plan
from goldpan.sweeps.launchers.launcher import (
    FirstFailure,
    Launcher,
    describe_exit,
    record_failure,
)
from goldpan.sweeps.progress import Progress, showing
from goldpan.sweeps.ready import check_ready
from goldpan.sweeps.times import RESULTS
from goldpan.sweeps.work import BUSY, COMMAND, LOG

End = Literal[
    "finished",
    "collapsed",
    "failed",
    "skipped",
    "stale",
    "done elsewhere",
    "running elsewhere",
    "interrupted",
    "paused or not begun",
]


@dataclass
class Summary:
    """How the cells of a sweep ended: `done` counts each end, `failures` says why, by folder.

    `stale` counts the cells that are done, by what changed since: code, images or both.
    """

    done: Counter[End] = field(default_factory=Counter)
    failures: dict[Path, str] = field(default_factory=dict)
    stale: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        """Whether no cell failed or was interrupted."""
        return not self.failures and not self.done["interrupted"]

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {end}" for end, count in self.done.items() if count)
        lines = [_failure(why, self.failures) for why in dict.fromkeys(self.failures.values())]
        if self.failures:
            lines.append("failed cells are run again with rerun=failed")
        if self.done["paused or not begun"]:
            lines.append("fail_fast=true ended the sweep; the same command goes on with the rest")
        for part, number in self.stale.items():
            cells = f"{number} stale, the {part} changed since"
            lines.append(f"{cells}; stale cells are run again with rerun=stale")
        return "\n".join([f"{self.done.total()} cells: {counts or 'none'}", *lines])


def sweep(
    plan: Plan,
    launch: Launcher,
    command: tuple[str, ...],
    *,
    rerun: str | None,
    progress: bool,
    fail_fast: bool = False,
) -> Summary:
    """Run every cell that has no result; `rerun` says which others: failed, stale or all.

    A cell that another process is doing is left to it; its record, if there is one, is read at the
    end. With `fail_fast` the first cell that fails ends the sweep: those that run then are paused,
    and go on from their last whole epoch when the sweep is typed again. `command` runs a cell that
    starts several processes. Raises ValueError if the launcher cannot work.
    """
    summary = Summary()
    missing = _missing(plan.runs, rerun, summary, "skipped")
    if missing:
        check_ready(missing)
        skipped = len(plan.runs) - len(missing)
        with showing(missing, skipped, RESULTS, watched=progress) as shown:
            busy = _launch(missing, rerun, launch, command, summary, shown, fail_fast=fail_fast)
        left = _missing(busy, rerun, summary, "done elsewhere")
        summary.done["running elsewhere"] = len(left)
    return summary


def sweep_by(cfg: DictConfig, plan: Plan) -> Summary:
    """Call `sweep` with the launcher and the options of a configuration that Hydra composed."""
    command, choices = (*COMMAND, *own_options(cfg)), ("rerun", "progress", "fail_fast")
    return sweep(plan, build(cfg.launcher), command, **{name: cfg[name] for name in choices})


def own_options(cfg: DictConfig) -> list[str]:
    """The words by which another command finds the user's own folders of options too."""
    sources = cfg.hydra.runtime.config_sources
    folders = [f"--config-dir={s.path}" for s in sources if s.provider == "command-line"]
    return [*folders, *(text for text in cfg.hydra.overrides.hydra if SEARCHPATH in text)]


def conf_of(cfg: DictConfig) -> Path:
    """The folder from which Hydra read run.yaml."""
    sources = cfg.hydra.runtime.config_sources
    return next(Path(source.path) for source in sources if source.provider == "main")


def _missing(cells: Sequence[Cell], rerun: str | None, summary: Summary, end: End) -> list[Cell]:
    """Return the cells that are to be run; count the others as `end`."""
    missing = []
    for cell in cells:
        try:
            record = cell.record()
        except ValueError as error:  # nobody overwrites a broken record: it may be all there is
            if rerun is not None:
                _set_aside(cell)
                missing.append(cell)
                continue
            summary.done["failed"] += 1
            summary.failures[cell.folder] = str(error)
            continue
        if record is None or is_wanted(record, cell.draft, rerun):
            missing.append(cell)
        else:
            _count(summary, cell, record, end)
    return missing


def _set_aside(cell: Cell) -> None:
    """Rename the cell's broken record, unless another process is doing the cell."""
    with suppress(Timeout), FileLock(cell.folder / LOCK, timeout=0):
        print(set_aside(cell.folder))


def _failure(why: str, failures: Mapping[Path, str]) -> str:
    """One line on all cells that failed for the same reason."""
    first, *others = (folder for folder, reason in failures.items() if reason == why)
    counted = f" (in {1 + len(others)} cells)" if others else ""
    return f"failed: {why}{counted}{_log(first)}"


def _log(folder: Path) -> str:
    """Where the cell's log is, as the end of a sentence; empty if it has none."""
    return f"; log: {folder / LOG}" if (folder / LOG).exists() else ""


def _launch(
    cells: Sequence[Cell],
    rerun: str | None,
    launch: Launcher,
    command: tuple[str, ...],
    summary: Summary,
    shown: Progress,
    *,
    fail_fast: bool,
) -> list[Cell]:
    """Run the cells and count each as it ends; return those that another process is doing."""
    busy = list[Cell]()

    def on_end(cell: Cell, code: int) -> None:
        failed, record = len(summary.failures), None
        if code == BUSY:
            busy.append(cell)
            sentence = f"{cell.folder.name}: another process is doing it"
        else:
            record, sentence = _count_end(cell, code, rerun, summary)
        shown.end(cell, record, sentence)
        if fail_fast and len(summary.failures) > failed:
            raise FirstFailure

    try:
        launch(cells, on_end, command)
    except FirstFailure:
        summary.done["paused or not begun"] = len(cells) - shown.ended
    return busy


def _count_end(
    cell: Cell, code: int, rerun: str | None, summary: Summary
) -> tuple[Record | None, str]:
    """Count a cell that has ended, write its record if it has none; it, and a sentence on it."""
    record = read_done(cell.folder)
    if record is not None and is_wanted(record, cell.draft, rerun):
        record = None  # the old one
    if record is None and code in (-signal.SIGTERM, TERMINATED):
        summary.done["interrupted"] += 1
        return None, f"{cell.folder.name}: interrupted; the same command resumes it"
    if record is None and code:
        record = _failed(cell, describe_exit(code))
    if record is None:
        record = _failed(cell, "its process ended without a record")
    known = {why: folder for folder, why in reversed(summary.failures.items())}
    _count(summary, cell, record, record.status)
    if record.done:
        return record, record.summary()
    same = known.get(summary.failures[cell.folder])
    why = f" as {same.name}" if same else f": {record.error}"
    return record, f"{cell.folder.name} failed{why}"


def _failed(cell: Cell, sentence: str) -> Record:
    """Return the record that the cell wrote of its failure, or write one with this sentence."""
    record = cell.record()
    if record is not None and record.identity.started == cell.draft.identity.started:
        return record
    return record_failure(cell, sentence)


def _count(summary: Summary, cell: Cell, record: Record, end: End) -> None:
    """Count a cell as `end` if it is done, else as failed."""
    if record.done:
        part = stale(record, cell.draft)
        summary.done["stale" if part else end] += 1
        summary.stale += Counter([part] if part else [])
    else:
        summary.done["failed"] += 1
        summary.failures[cell.folder] = record.error or "no reason known"
