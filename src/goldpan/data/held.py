"""Datasets held in memory, for this process and those that are forked from it."""

from collections.abc import Sequence
from pathlib import Path

import torch

from goldpan.data.datasets import Spec, Splits
from goldpan.data.readers import read_splits

Key = tuple[str, Path, Path, int | None, tuple[str, ...]]

_held: dict[Key, Splits] = {}


def hold(spec: Spec, root: Path, cache: Path, size: int | None, mirrors: Sequence[str]) -> None:
    """Read the splits unless they are held, and hold them; raises as `read_splits`.

    With one thread: a process forked from one that has used several hangs when it uses its own.
    """
    key, threads = _key(spec, root, cache, size, mirrors), torch.get_num_threads()
    if key in _held:
        return
    torch.set_num_threads(1)
    try:
        _held[key] = read_splits(spec, root, cache, size, mirrors)
    finally:
        torch.set_num_threads(threads)


def held(
    spec: Spec, root: Path, cache: Path, size: int | None, mirrors: Sequence[str]
) -> Splits | None:
    """The splits, if they are held."""
    return _held.get(_key(spec, root, cache, size, mirrors))


def _key(spec: Spec, root: Path, cache: Path, size: int | None, mirrors: Sequence[str]) -> Key:
    return spec.name, root.absolute(), cache.absolute(), size, tuple(mirrors)
