"""Datasets that stay in memory, for this process and for those that are forked from it."""

from collections.abc import Sequence
from pathlib import Path

import torch

from goldpan.data.datasets import Spec, Splits
from goldpan.data.readers import read_splits

Key = tuple[str, Path, Path, int | None, tuple[str, ...]]

_in_memory: dict[Key, Splits] = {}


def keep_in_memory(
    spec: Spec, root: Path, cache: Path, size: int | None, mirrors: Sequence[str]
) -> None:
    """Read the splits and keep them in memory, unless they are there; raises as `read_splits`."""
    key, threads = _key(spec, root, cache, size, mirrors), torch.get_num_threads()
    if key in _in_memory:
        return
    # OpenMP's threads do not survive a fork: if they have run here, a forked process hangs as soon
    # as it uses its own.
    torch.set_num_threads(1)
    try:
        _in_memory[key] = read_splits(spec, root, cache, size, mirrors)
    finally:
        torch.set_num_threads(threads)


def find_in_memory(
    spec: Spec, root: Path, cache: Path, size: int | None, mirrors: Sequence[str]
) -> Splits | None:
    """Return the splits if they are in memory, else None."""
    return _in_memory.get(_key(spec, root, cache, size, mirrors))


def _key(spec: Spec, root: Path, cache: Path, size: int | None, mirrors: Sequence[str]) -> Key:
    return spec.name, root.absolute(), cache.absolute(), size, tuple(mirrors)
