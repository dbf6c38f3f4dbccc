"""The memory that a piece of work takes at most, in a process of its own."""

import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import torch

UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes of one ru_maxrss."""


def extra_memory(prepare: Callable[..., Callable[[], object]], *arguments: Any) -> int:
    """Bytes that `prepare(*arguments)()` holds at most beyond what the process held before it.

    `prepare` itself does not count: it makes the work. On the processor, in a process that is
    forked from one with torch loaded and nothing done; `prepare` must be a function of a module.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.workloads"])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_in_child, prepare, arguments).result()


def extra_gpu_memory(work: Callable[[], object], device: torch.device) -> int:
    """Bytes that torch's allocator holds at most on a GPU beyond those before `work()`."""
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def _in_child(prepare: Callable[..., Callable[[], object]], arguments: tuple[Any, ...]) -> int:
    work = prepare(*arguments)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work()
    return UNIT * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
