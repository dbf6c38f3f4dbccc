"""The time and memory that a piece of work takes, in a process of its own."""

import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import Work, seconds

UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes of one ru_maxrss."""

RESET = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Spent:
    """Seconds of each call, and the bytes that the process held at most beyond those before."""

    seconds: list[float]
    bytes: int


def spent(prepare: Callable[..., Work], *arguments: Any, calls: int = 1) -> Spent:
    """Call `prepare(*arguments)()` so often; `prepare`, which makes the work, does not count.

    On the processor, in a process that is forked from one with torch loaded and nothing done;
    `prepare` must be a function of a module.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.workloads"])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_in_child, prepare, arguments, calls, torch.get_num_threads()).result()


def gpu_bytes(work: Work, device: torch.device) -> int:
    """Bytes that torch's allocator holds at most on a GPU beyond those before `work()`."""
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def _in_child(
    prepare: Callable[..., Work], arguments: tuple[Any, ...], calls: int, threads: int
) -> Spent:
    torch.set_num_threads(threads)
    work = prepare(*arguments)
    if RESET.exists():
        RESET.write_text("5")  # the most so far is what it holds now
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = [seconds(work) for _ in range(calls)]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Spent(times, UNIT * (after - before))
