"""Runs what is missing of a plan, and says at the end what became of every cell."""

import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.progress import Progress

from goldpan.experiment import TERMINATED, fail, read_done
from goldpan.record import RECORD, Record, read_record
from goldpan.sweeps.cells import Cell, Plan
from goldpan.sweeps.local import Note, describe
from goldpan.sweeps.work import BUSY, LOG

Launch = Callable[[Sequence[Cell], Note, tuple[str, ...]], None]
"""Runs cells, tells of each as it ends; the command does a run that needs a command line."""

End = Literal["finished", "collapsed", "failed", "skipped", "running elsewhere", "interrupted"]


@dataclass
class Summary:
    """What became of the cells of a sweep: `done` holds the ends, `failures` what went wrong."""

    done: Counter[End] = field(default_factory=Counter)
    failures: dict[Path, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether no cell failed or was interrupted."""
        return not self.failures and not self.done["interrupted"]

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {end}" for end, count in self.done.items() if count)
        lines = [f"failed: {why}; log: {folder / LOG}" for folder, why in self.failures.items()]
        if self.failures:
            lines.append("failed cells are run again with retry=failed")
        return "\n".join([f"{self.done.total()} cells: {counts or 'none'}", *lines])


def sweep(
    plan: Plan, launch: Launch, command: tuple[str, ...], *, retry: str | None, progress: bool
) -> Summary:
    """Run every cell that has no result yet; one that failed only if `retry` is "failed".

    Raises:
        ValueError: if `retry` is something else, or the launcher cannot work.
    """
    if retry not in (None, "failed"):
        raise ValueError(f"retry is failed or null, got {retry}")
    summary, missing = Summary(), []
    for cell in plan.runs:
        try:
            record = _before(cell)
        except ValueError as error:  # a broken record is left as it is, and its cell alone
            summary.done["failed"] += 1
            summary.failures[cell.folder] = str(error)
            continue
        if record is not None and (record.done or retry is None):
            _count(summary, cell, record, "skipped")
        else:
            missing.append(cell)
    if missing:
        _launch(missing, launch, command, summary, progress)
    return summary


def sweep_by(cfg: DictConfig, plan: Plan) -> Summary:
    """`sweep` with the launcher and the options of a configuration that Hydra composed."""
    command = sys.executable, str(conf_of(cfg).parent / "run.py")
    shown = cfg.progress and sys.stderr.isatty()
    return sweep(plan, instantiate(cfg.launcher), command, retry=cfg.retry, progress=shown)


def conf_of(cfg: DictConfig) -> Path:
    """The folder that run.yaml was read from."""
    sources = cfg.hydra.runtime.config_sources
    return next(Path(source.path) for source in sources if source.provider == "main")


def _launch(
    cells: Sequence[Cell], launch: Launch, command: tuple[str, ...], summary: Summary, shown: bool
) -> None:
    with Progress(disable=not shown) as bar:
        task = bar.add_task("cells", total=len(cells))

        def note(cell: Cell, code: int) -> None:
            sentence = _settle(cell, code, summary)
            bar.advance(task)
            bar.console.print(sentence, soft_wrap=True, highlight=False, markup=False)

        launch(cells, note, command)


def _settle(cell: Cell, code: int, summary: Summary) -> str:
    """Count the cell, and note the failure of one that could not do so itself."""
    if code == BUSY:
        summary.done["running elsewhere"] += 1
        return f"{cell.folder.name}: another process is at it"
    record = read_done(cell.folder)
    if record is None and code in (-signal.SIGTERM, TERMINATED):
        summary.done["interrupted"] += 1
        return f"{cell.folder.name}: told to end; the same command goes on with it"
    if record is None and code:
        record = _failed(cell, describe(code))
    if record is None:
        record = _failed(cell, "its process ended without a record")
    _count(summary, cell, record, record.status)
    return record.summary() if record.done else f"{cell.folder.name} failed: {record.error}"


def _failed(cell: Cell, sentence: str) -> Record:
    """The record that the cell wrote of its failure, or one that says how its process ended."""
    record = _before(cell)
    if record is None or record.started != cell.draft.started:
        try:
            fail(cell.draft, cell.folder, sentence)
        except OSError as error:
            sentence += f"; and its record cannot be written ({error.strerror})"
            return Record(**{**vars(cell.draft), "error": sentence})
        record = read_record(cell.folder / RECORD)
    return record


def _before(cell: Cell) -> Record | None:
    """The record that the cell has, if it is whole and its own."""
    path = cell.folder / RECORD
    if not path.exists():
        return None
    record = read_record(path)
    if record.id != cell.draft.id:
        raise ValueError(
            f"{path} is the record of another run ({record.id}); move it away, nothing is deleted"
        )
    return record


def _count(summary: Summary, cell: Cell, record: Record, end: End) -> None:
    if record.done:
        summary.done[end] += 1
    else:
        summary.done["failed"] += 1
        summary.failures[cell.folder] = record.error or "no reason known"
