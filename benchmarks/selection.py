"""Row 7: the k highest of many scores, exactly."""

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter

import torch
from torch import Tensor

from benchmarks.measure import Pairs, Work, compare
from benchmarks.memory import spent
from benchmarks.rows import Row, at_least, at_most
from goldpan.allocation.selection import highest

MILLION = 1_000_000


def scores(millions: int) -> Tensor:
    """Scores as of a normal network's weights, all on the processor."""
    return torch.randn(millions * MILLION, generator=torch.Generator().manual_seed(0)).abs_()


def by_sort(values: Tensor, count: int) -> Tensor:
    """Exact, ties by index: a stable sort, and a mask of its first."""
    order = torch.sort(values, descending=True, stable=True).indices
    return torch.zeros_like(values, dtype=torch.bool).index_fill_(0, order[:count], True)


def by_kthvalue(values: Tensor, count: int) -> Tensor:
    """As published loops do it: all ties of the threshold are kept."""
    return values >= torch.kthvalue(values, len(values) - count + 1).values


def by_topk(values: Tensor, count: int) -> Tensor:
    """Exact, ties at will."""
    places = torch.topk(values, count, sorted=False).indices
    return torch.zeros_like(values, dtype=torch.bool).index_fill_(0, places, True)


RIVALS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "torch.sort": by_sort,
    "torch.kthvalue": by_kthvalue,
    "torch.topk": by_topk,
}


def best_rival(values: Tensor, names: Sequence[str]) -> tuple[str, list[str]]:
    """The one that takes least, and those that take at most thrice as long.

    Raises:
        RuntimeError: if one keeps other scores than ours.
    """
    count, taken = len(values) // 10, dict[str, float]()
    kept = highest(values, count)
    for name in names:
        start = perf_counter()
        found = RIVALS[name](values, count)
        taken[name] = perf_counter() - start
        if values[found].min() != values[kept].min():
            raise RuntimeError(f"{name} keeps other scores")
    best = min(taken, key=lambda name: taken[name])
    return best, [name for name in taken if taken[name] < 3 * taken[best]]


def time(millions: int, _: torch.device) -> Pairs:
    """Ours against the best rival at this size; what was slow at 20 million is left out above."""
    values = scores(20)
    best, near = best_rival(values, list(RIVALS))
    if millions > 20:
        values = scores(millions)
        best, _near = best_rival(values, near)
    count = len(values) // 10
    ours, rival = partial(highest, values, count), partial(RIVALS[best], values, count)
    return compare(ours, rival, 6, note=f"The best of them is {best}.")


def prepare(millions: int) -> Work:
    """The selection whose memory is looked at."""
    values = scores(millions)
    return partial(highest, values, len(values) // 10)


def memory(millions: int, _: torch.device) -> Pairs:
    """Bytes beyond the scores at most, against those of the scores."""
    taken = [spent(prepare, millions).bytes for _ in range(3)]
    return Pairs(taken, [4.0 * millions * MILLION] * len(taken), "bytes")


ROWS = [
    row
    for millions in (20, 140)
    for row in (
        Row(
            7,
            f"selection-{millions}m",
            f"the highest 10 % of {millions} million float32 scores, ties by index",
            "the best of torch.sort, torch.kthvalue and torch.topk",
            at_least(5),
            "A global threshold is no longer what pruning waits for.",
            partial(time, millions),
        ),
        Row(
            7,
            f"selection-memory-{millions}m",
            f"memory beyond {millions} million scores while they are ranked",
            "the scores' own",
            at_most(2),
            "What can be scored can be ranked.",
            partial(memory, millions),
        ),
    )
]
