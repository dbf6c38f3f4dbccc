"""Rows 26 to 28, for a GPU: one compiled step, several cells on one card, ranking.

What has no rival is the bound itself: cells an hour. Their recipe is ResNet-20's, 160 epochs of
50,000 images; an epoch is measured on fewer.
"""

from functools import cache, partial
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from benchmarks.epoch import strategy_for, train
from benchmarks.in_memory import RandomImages
from benchmarks.measure import Pairs, compare
from benchmarks.rows import Row, at_least
from benchmarks.selection import MILLION, by_sort, scores
from benchmarks.sweeping import command
from benchmarks.workloads import BATCH
from goldpan.allocation.selection import highest
from goldpan.runs.curve import read_curve

IMAGES, EPOCHS, MODEL = 10_000, 10, "resnet20"
SLOTS = (1, 2, 4, 8)
RECIPE_IMAGES = 160 * 50_000
"""Images of a full recipe."""


def graphs(device: torch.device) -> Pairs:
    """Seconds of an epoch, the compiled and the plain training in turn, the first epochs left."""
    words = [
        *("dataset=cifar10", f"model={MODEL}", "method=dense", "recipe=synflow", "logger=none"),
        *(f"recipe.epochs={EPOCHS}", strategy_for(device)),
    ]
    data = RandomImages(IMAGES, BATCH)
    taken: dict[str, list[float]] = {"reduce-overhead": [], "false": []}
    for how in ("reduce-overhead", "false", "false", "reduce-overhead"):
        rows = train(data, [*words, f"strategy.compile={how}"])
        taken[how] += [row["training_seconds"] for row in rows[len(rows) // 2 :]]
    rate = IMAGES / median(taken["reduce-overhead"])
    return Pairs(taken["reduce-overhead"], taken["false"], note=f"{rate:,.0f} images/s.")


@cache
def epochs(slots: int, device: torch.device) -> list[float]:
    """Seconds of an epoch over the slots: what an epoch costs where so many cells share a GPU."""
    with TemporaryDirectory() as output:
        command(
            *("-m", "dataset=image_folder", f"dataset.root={pictures().name}", f"output={output}"),
            *("method=snip", "sparsity=0.9", f"model={MODEL}", "recipe=synflow", "logger=none"),
            *(f"recipe.epochs={EPOCHS}", strategy_for(device), "strategy.threads=1"),
            *(f"launcher.slots={slots}", f"seed={','.join(map(str, range(2 * slots)))}"),
        )
        curves = [read_curve(path) for path in Path(output).glob("*/metrics.csv")]
    taken = [
        row["training_seconds"] + row["evaluation_seconds"]
        for row in chain.from_iterable(curve[1:] for curve in curves)
    ]
    return [one / slots for one in taken]


@cache
def pictures() -> TemporaryDirectory[str]:
    """A folder of ten classes of random pictures of CIFAR's shape, gone when the process ends."""
    folder, pixels = TemporaryDirectory(), np.random.default_rng(0)
    for split, count in (("train", IMAGES), ("test", IMAGES // 5)):
        for number in range(count):
            path = Path(folder.name) / split / f"class{number % 10}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.integers(256, size=(32, 32, 3), dtype=np.uint8)).save(path)
    return folder


def cells(slots: int, device: torch.device) -> Pairs:
    """What an epoch costs with so many cells on the GPU, against one cell at a time."""
    ours, alone = epochs(slots, device), epochs(1, device)
    hour = 3600 / (median(ours) * RECIPE_IMAGES / IMAGES)
    least = min(len(ours), len(alone))
    # As many quantiles of both: the quickest epochs alone would flatter the side that has more.
    shares = (np.arange(least) + 0.5) / least
    one, other = (np.quantile(found, shares).tolist() for found in (ours, alone))
    note = f"{hour:.1f} cells an hour of {RECIPE_IMAGES:,} images each."
    return Pairs(one, other, note=note)


def ranking(device: torch.device) -> Pairs:
    """Ranking where the scores are, against copying them to the processor."""
    values = scores(20).to(device)
    count = 2 * MILLION

    def copied() -> torch.Tensor:
        return highest(values.cpu(), count).to(device)

    if not torch.equal(copied(), by_sort(values, count)):
        raise RuntimeError("the two keep other scores")
    return compare(partial(highest, values, count), copied, 10, device=device)


ROWS = [
    Row(
        26,
        "graphs",
        "an epoch of ResNet-20 through run.py's training with strategy.compile=reduce-overhead",
        "the same without",
        at_least(1.5),
        "A small network's kernels wait for their launches; a graph launches them at once.",
        graphs,
        gpu=True,
    ),
    *(
        Row(
            27,
            f"cells-{slots}",
            f"an epoch of ResNet-20 at 90 %, {slots} cells on the GPU, by the cells",
            "one cell at a time",
            at_least({2: 1.5}.get(slots)),
            "How many cells of a table one GPU finishes in an hour.",
            partial(cells, slots),
            gpu=True,
        )
        for slots in SLOTS
    ),
    Row(
        28,
        "ranking-on-the-device",
        "the highest 10 % of 20 million float32 scores that lie on the GPU",
        "copied to the processor and ranked there",
        at_least(3),
        "Global pruning in a hundred rounds need not leave the GPU.",
        ranking,
        gpu=True,
    ),
]
