"""How much of the machine others use meanwhile: ratios near one are worth nothing beside them."""

import os
from pathlib import Path
from time import perf_counter

QUIET = 0.15
"""Cores that others may use without being mentioned."""

STAT = Path("/proc/stat")


class Others:
    """The cores that other processes use on average from its making on; 0 where nobody tells.

    A host that takes time from a virtual machine counts as another process.
    """

    def __init__(self) -> None:
        self.start = perf_counter(), _all(), _own()

    def cores(self) -> float:
        """So many cores since then, our own processes that have ended left out."""
        start, everything, own = self.start
        taken = (_all() - everything) - (_own() - own)
        return max(0.0, taken / (perf_counter() - start))


def _all() -> float:
    """Seconds of processor time of all processes since the machine started, stolen ones too."""
    if not STAT.exists():
        return _own()
    user, nice, system, _, _, interrupts, soft, stolen = map(
        int, STAT.read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """Those of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
