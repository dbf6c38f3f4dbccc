"""The time and memory that a piece of work takes, in a process of its own."""

import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import torch

from benchmarks.measure import Work, seconds

UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes of one ru_maxrss."""

RESET = Path("/proc/self/clear_refs")

Result = TypeVar("Result")


@dataclass(frozen=True)
class Spent:
    """Seconds of each call, and the bytes that the process held at most beyond those before."""

    seconds: list[float]
    bytes: int


def spent(prepare: Callable[..., Work], *arguments: Any, calls: int = 1) -> Spent:
    """Call `prepare(*arguments)()` so often; `prepare`, which makes the work, does not count.

    On the processor, and `alone`; `prepare` must be a function of a module.
    """
    return alone(_spend, prepare, arguments, calls)


def alone(work: Callable[..., Result], *arguments: Any) -> Result:
    """`work(*arguments)` in a process that is forked from one with torch loaded and nothing done.

    What ran before has left nothing there, such as memory that the allocator keeps.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.workloads"])
    with ProcessPoolExecutor(
        1, context, initializer=torch.set_num_threads, initargs=(torch.get_num_threads(),)
    ) as pool:
        return pool.submit(work, *arguments).result()


def gpu_bytes(work: Work, device: torch.device) -> int:
    """Bytes that torch's allocator holds at most on a GPU beyond those before `work()`."""
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def _spend(prepare: Callable[..., Work], arguments: tuple[Any, ...], calls: int) -> Spent:
    work = prepare(*arguments)
    if RESET.exists():
        RESET.write_text("5")  # the most so far is what it holds now
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = [seconds(work) for _ in range(calls)]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Spent(times, UNIT * (after - before))
