"""Row 22: one run from the command to its end, beside a program that has no goldpan."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.measure import Pairs, compare
from benchmarks.rows import Row, at_most
from benchmarks.sweeping import ROOT, SHORT, command


def plain(folder: str, *, train: bool) -> None:
    """The program without goldpan, in a folder where Hydra writes what it always does."""
    program = str(ROOT / "benchmarks" / "plain_program.py")
    typed = [sys.executable, program, f"+train={str(train).lower()}", f"hydra.run.dir={folder}"]
    subprocess.run(typed, cwd=ROOT, capture_output=True, check=True)


def starting(device: torch.device, *, new: bool) -> Pairs:
    """A run that is new each time, or one that is done already."""
    with TemporaryDirectory() as folder:
        seeds = count(1) if new else iter(lambda: 0, None)

        def ours() -> str:
            return command(*SHORT, f"seed={next(seeds)}", f"output={Path(folder) / 'ours'}")

        rival: Callable[[], None] = partial(plain, folder, train=new)
        return compare(ours, rival, 10, least=3, device=device)


ROWS = [
    Row(
        22,
        f"start-{'new' if new else 'finished'}",
        f"`python run.py` of one {'new' if new else 'finished'} run: LeNet-300-100 on digits, one "
        "epoch",
        "a program of Hydra and Lightning that "
        + ("trains likewise" if new else "imports, composes and ends"),
        at_most(1.25),
        "What each command waits before it works.",
        partial(starting, new=new),
    )
    for new in (False, True)
]
