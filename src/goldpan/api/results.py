"""Runs and their results: do one, read the records of many, load a network that was trained."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from goldpan.api.configuring import compose
from goldpan.runs.record import RECORD, WEIGHTS, Record, read_record

Row = dict[str, Any]
"""A run in plain values: a line of a table."""


def run(words: Sequence[str]) -> Record:
    """Do one run as `python run.py WORDS` does, in this process, and return its record.

    A run that is done is not done again; its record is returned. Its folder lies in `output`.

        record = gp.run(["method=snip", "sparsity=0.9", "recipe.epochs=3", "logger=none"])
        record.accuracies.last.test  # percent

    Args:
        words: those of the command line, each one value; python run.py --help lists them.

    Raises:
        ValueError: in one sentence, if a word names nothing that there is.
        goldpan.runs.refusal.Refusal: in one sentence, if the run is impossible.
    """
    if isinstance(words, str):
        raise TypeError(f"words is a list of words; got one text: {words.split()}")
    cfg, groups = compose(words)
    from goldpan.runs import experiment

    return experiment.run(cfg, groups, words)


def records(folder: str | Path) -> list[Row]:
    """A row of plain values for each run below a folder, oldest first.

    `pandas.DataFrame(gp.records("outputs"))` makes a table of them. Accuracies are in percent, of
    the last epoch and of the best validation epoch; `sparsity` is what was asked for, `got` what
    came out, in [0, 1]; None where a run has none. A file that is no whole record is skipped with
    a warning.

        for row in gp.records("outputs"):
            print(row["method"], row["sparsity"], row["seed"], row["test"])

    Raises:
        FileNotFoundError: if no record lies below the folder.
    """
    paths = sorted(Path(folder).rglob(RECORD))
    if not paths:
        raise FileNotFoundError(f"no {RECORD} below {folder}; gp.run or `python run.py` makes one")
    rows = []
    for path in paths:
        try:
            rows.append(_row(read_record(path), path.parent))
        except ValueError as error:
            warnings.warn(f"skipped: {error}", stacklevel=2)
    return sorted(rows, key=lambda row: str(row["started"]))


def _row(record: Record, folder: Path) -> Row:
    """What a reader compares runs by."""
    who, sparsity = record.identity, record.sparsity
    last, best = record.accuracy("last"), record.accuracy("best")
    return {
        "method": who.method,
        "setting": who.setting,
        "sparsity": sparsity.asked if sparsity else who.choices.get("sparsity"),
        "seed": who.seed,
        "status": record.status,
        "test": last.test if last else None,
        "val": last.val if last else None,
        "test_at_best_val": best.test if best else None,
        "got": sparsity.got if sparsity else None,
        "effective": sparsity.effective if sparsity else None,
        "parameters": record.costs.parameters if record.costs else None,
        "flops_kept_percent": record.flops_kept,
        "seconds": sum(record.costs.seconds.values()) if record.costs else None,
        "error": record.error,
        "started": who.started,
        "id": who.id,
        "folder": str(folder),
    }


def load(folder: str | Path) -> nn.Module:
    """The network of a finished run, in eval mode on the CPU, with its masks or smaller layers.

        model = gp.load("outputs/digits-vgg11-snip-0.9-seed0-3f0c...")
        model(images)  # (N, C, H, W), normalised as the run's -> logits (N, K)

    The record's `origin.data` has the mean and deviation by which the run normalised its images.

    Raises:
        FileNotFoundError: if the folder has no record.json or no model.pt.
        ValueError: if the record is broken, or the weights belong to another model.
    """
    folder = Path(folder)
    for name in (RECORD, WEIGHTS):
        if not (folder / name).exists():
            raise FileNotFoundError(
                f"{folder} has no {name}; gp.load takes the folder of a run that has ended"
            )
    from goldpan.procedures.finished import load_finished  # with Lightning

    return load_finished(folder)[0].eval()
