"""A sweep runs the cells of a plan that have no result, and then says how every cell ended."""

import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.progress import Progress

from goldpan.runs.experiment import TERMINATED, make_folder, read_done
from goldpan.runs.record import Record
from goldpan.sweeps.cells import Cell, Plan
from goldpan.sweeps.launchers.launcher import Launcher, describe_exit, record_failure
from goldpan.sweeps.work import BUSY, LOG

End = Literal[
    "finished",
    "collapsed",
    "failed",
    "skipped",
    "done elsewhere",
    "running elsewhere",
    "interrupted",
]


@dataclass
class Summary:
    """How the cells of a sweep ended: `done` counts each end, `failures` says why, by folder."""

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
    plan: Plan, launch: Launcher, command: tuple[str, ...], *, retry: str | None, progress: bool
) -> Summary:
    """Run every cell that has no result; run failed cells again only if `retry` is "failed".

    A cell that another process is doing is left to it. At the end its record is read, if there is
    one.

    Raises:
        ValueError: if `retry` is neither None nor "failed", or the launcher cannot work.
    """
    if retry not in (None, "failed"):
        raise ValueError(f"retry is failed or null, got {retry}")
    summary = Summary()
    missing = _missing(plan.runs, retry, summary, "skipped")
    if missing:
        check_ready(missing)
        busy = _launch(missing, launch, command, summary, progress)
        left = _missing(busy, retry, summary, "done elsewhere")
        summary.done["running elsewhere"] = len(left)
    return summary


def check_ready(cells: Sequence[Cell]) -> None:
    """Raise OSError, once for all cells, if their images or their folder would stop them.

    Planning does not look at them, since a report needs neither.
    """
    missing = [cell for cell in cells if not _has_images(cell.choices["dataset"])]
    if missing:
        root = Path(missing[0].choices["dataset"]["root"]).absolute()
        raise FileNotFoundError(
            f"expected images at {root}, got nothing there (in {len(missing)} of {len(cells)} "
            "cells); set dataset.root to where they are"
        )
    for output in {cell.folder.parent for cell in cells}:
        make_folder(output)


def _has_images(dataset: Mapping[str, Any]) -> bool:
    """Whether images that nothing can download are there."""
    own = dataset["name"] in ("image_folder", "imagenet")
    return not own or Path(dataset["root"]).exists()


def sweep_by(cfg: DictConfig, plan: Plan) -> Summary:
    """Call `sweep` with the launcher and the options of a configuration that Hydra composed."""
    command = sys.executable, str(conf_of(cfg).parent / "run.py")
    shown = cfg.progress and sys.stderr.isatty()
    return sweep(plan, instantiate(cfg.launcher), command, retry=cfg.retry, progress=shown)


def conf_of(cfg: DictConfig) -> Path:
    """The folder from which Hydra read run.yaml."""
    sources = cfg.hydra.runtime.config_sources
    return next(Path(source.path) for source in sources if source.provider == "main")


def _missing(cells: Sequence[Cell], retry: str | None, summary: Summary, end: End) -> list[Cell]:
    """Return the cells that are to be run; count the others as `end`."""
    missing = []
    for cell in cells:
        try:
            record = cell.record()
        except ValueError as error:  # nobody overwrites a broken record: it may be all there is
            summary.done["failed"] += 1
            summary.failures[cell.folder] = str(error)
            continue
        if record is not None and (record.done or retry is None):
            _count(summary, cell, record, end)
        else:
            missing.append(cell)
    return missing


def _launch(
    cells: Sequence[Cell], launch: Launcher, command: tuple[str, ...], summary: Summary, shown: bool
) -> list[Cell]:
    """Run the cells and count each as it ends; return those that another process is doing."""
    busy = list[Cell]()
    with Progress(disable=not shown) as bar:
        task = bar.add_task("cells", total=len(cells))

        def on_end(cell: Cell, code: int) -> None:
            if code == BUSY:
                busy.append(cell)
                sentence = f"{cell.folder.name}: another process is doing it"
            else:
                sentence = _count_end(cell, code, summary)
            bar.advance(task)
            bar.console.print(sentence, soft_wrap=True, highlight=False, markup=False)

        launch(cells, on_end, command)
    return busy


def _count_end(cell: Cell, code: int, summary: Summary) -> str:
    """Count a cell that has ended and return a sentence on it.

    If it failed without a record, write one.
    """
    record = read_done(cell.folder)
    if record is None and code in (-signal.SIGTERM, TERMINATED):
        summary.done["interrupted"] += 1
        return f"{cell.folder.name}: interrupted; the same command resumes it"
    if record is None and code:
        record = _failed(cell, describe_exit(code))
    if record is None:
        record = _failed(cell, "its process ended without a record")
    _count(summary, cell, record, record.status)
    return record.summary() if record.done else f"{cell.folder.name} failed: {record.error}"


def _failed(cell: Cell, sentence: str) -> Record:
    """Return the record that the cell wrote of its failure, or write one with this sentence."""
    record = cell.record()
    if record is not None and record.identity.started == cell.draft.identity.started:
        return record
    return record_failure(cell, sentence)


def _count(summary: Summary, cell: Cell, record: Record, end: End) -> None:
    """Count a cell as `end` if it is done, else as failed."""
    if record.done:
        summary.done[end] += 1
    else:
        summary.done["failed"] += 1
        summary.failures[cell.folder] = record.error or "no reason known"
