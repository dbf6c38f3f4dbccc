"""The process that cells of this machine are forked from, warm: goldpan.sweeps.preload."""

import json
import os
from collections.abc import Iterable, Mapping
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext
from typing import Any

from goldpan.sweeps.cells import Cell

DATA = "GOLDPAN_HELD_DATA"
"""The environment's word for the datasets of a sweep: a JSON list of their choices."""


def nursery(cells: Iterable[Cell]) -> ForkServerContext:
    """A context whose processes have imported what cells need, and hold the data of these.

    If such a process runs already it is used as it is, and cells read what it does not hold.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["goldpan.sweeps.preload"])
    datasets = {json.dumps(_source(cell.choices["dataset"])) for cell in cells}
    os.environ[DATA] = json.dumps([json.loads(text) for text in sorted(datasets)])
    try:
        forkserver.ensure_running()
    finally:
        del os.environ[DATA]
    return context


def _source(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """The choices that decide which files are read."""
    names = ("_target_", "name", "root", "cache", "size", "mirrors")
    return {name: dataset[name] for name in names if name in dataset}
