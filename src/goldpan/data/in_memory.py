"""Datasets that stay in memory, for this process and for those that are forked from it."""

import torch

from goldpan.data.datasets import Source, Splits
from goldpan.data.readers import read_splits

_in_memory: dict[Source, Splits] = {}


def keep_in_memory(source: Source) -> None:
    """Read the splits and keep them in memory, unless they are there; raises as `read_splits`."""
    if source in _in_memory:
        return
    # OpenMP's threads do not survive a fork: if they have run here, a forked process hangs as soon
    # as it uses its own.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _in_memory[source] = read_splits(source)
    finally:
        torch.set_num_threads(threads)


def find_in_memory(source: Source) -> Splits | None:
    """Return the splits if they are in memory, else None."""
    return _in_memory.get(source)
