"""Allocation by quotas: each layer's number of kept weights is fixed before its scores are seen."""

from collections.abc import Callable, Mapping

from torch import Size

from goldpan.allocation.global_top import kept_count
from goldpan.allocation.selection import highest_among
from goldpan.masks import Masks
from goldpan.types import Scores


def keep_quotas(
    scores: Scores,
    sparsity: float,
    alive: Masks,
    densities: Callable[[Mapping[str, Size], float], Mapping[str, float]],
) -> Masks:
    """Keep the highest scores of each layer, as many as its density says, the total exact.

    `densities` takes the weights' shapes and the sparsity of the whole network.
    """
    total = kept_count(sparsity, alive)
    density = densities({name: mask.shape for name, mask in alive.items()}, sparsity)
    rooms = {name: int(mask.sum()) for name, mask in alive.items()}
    wanted = {name: density[name] * alive[name].numel() for name in alive}
    counts = apportion(total, wanted, rooms)
    return Masks(
        {
            name: highest_among([mask], [scores[name]], counts[name])[0]
            for name, mask in alive.items()
        }
    )


def apportion(total: int, wanted: Mapping[str, float], rooms: Mapping[str, int]) -> dict[str, int]:
    """Whole numbers that add up to `total`, as close to `wanted` as the rooms allow.

    Each is rounded down, and cut to its room. What is missing then is spread over the rooms that
    are left. The last few go one by one to the largest remainders, ties in order.

    Raises:
        ValueError: if the rooms together hold less than `total`.
    """
    if total > sum(rooms.values()):
        raise ValueError(f"cannot keep {total} of {sum(rooms.values())} weights")
    counts = {name: min(int(share), rooms[name]) for name, share in wanted.items()}
    missing, room = total - sum(counts.values()), sum(rooms.values()) - sum(counts.values())
    if missing > len(counts):
        counts = {name: n + missing * (rooms[name] - n) // room for name, n in counts.items()}
    while missing := total - sum(counts.values()):
        step = 1 if missing > 0 else -1
        limit = rooms if missing > 0 else dict.fromkeys(rooms, 0)
        unsettled = [name for name in counts if counts[name] != limit[name]]
        unsettled.sort(key=lambda name: step * (counts[name] - wanted[name]))
        for name in unsettled[: abs(missing)]:
            counts[name] += step
    return counts
