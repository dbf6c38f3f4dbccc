"""The process from which the cells of this machine are forked.

It runs goldpan.sweeps.preload once, so that no cell waits for its imports and its data.
"""

import json
import os
from collections.abc import Iterable, Mapping
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext
from typing import Any

from goldpan.sweeps.cells import Cell

DATA = "GOLDPAN_DATA_IN_MEMORY"
"""An environment variable: the datasets to keep in memory, as a JSON list of their choices."""


def start_forkserver(cells: Iterable[Cell]) -> ForkServerContext:
    """Return a context whose processes start with goldpan imported and these cells' data in memory.

    A forkserver that runs already is used as it is; its cells read the data that it lacks.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["goldpan.sweeps.preload"])
    datasets = {json.dumps(_source(cell.choices["dataset"])) for cell in cells}
    # A preloaded module takes no arguments, but the forkserver inherits the environment of the
    # moment at which it starts. Nothing else may inherit this variable.
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
