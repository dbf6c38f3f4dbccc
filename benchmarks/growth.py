"""How cost grows: with a network's parameters, with a table's cells, and with processes on paper.

make growth          # some ten minutes on two cores; growth.json and growth.png beside this file

Times are medians of single measurements on a shared machine: read the slopes, not the seconds.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.fakes import finish, planned
from benchmarks.measure import Work, seconds
from benchmarks.memory import extra_memory
from benchmarks.workloads import batch, training_step
from goldpan.allocation.selection import highest
from goldpan.files import write_atomically
from goldpan.models.resnet import resnet20, resnet32
from goldpan.models.vgg import vgg11, vgg16, vgg19
from goldpan.pictures import RULES, STYLES, figure
from goldpan.provenance import commit, hardware, versions
from goldpan.scorers.snip import snip
from goldpan.table_command import make

HERE = Path(__file__).parent
IMAGES, REPEATS = 32, 3
CELLS = (10, 100, 1_000, 10_000)

NETS: dict[str, Callable[[], nn.Module]] = {
    "ResNet-20": resnet20,
    "ResNet-32x2": partial(resnet32, width=2.0),
    "VGG-11": vgg11,
    "VGG-16": vgg16,
    "VGG-19": vgg19,
    "VGG-16, width 2": partial(vgg16, width=2.0),
    "VGG-19, width 2.64": partial(vgg19, width=2.64),
}


def training(name: str) -> Work:
    """A masked training step in float32."""
    return training_step(NETS[name](), batch(torch.device("cpu"), IMAGES), masks=True)


def scoring(name: str) -> Work:
    """SNIP on one batch."""
    net, images = NETS[name](), batch(torch.device("cpu"), IMAGES)
    return lambda: snip(net, [images], F.cross_entropy)


def ranking(name: str) -> Work:
    """The tenth with the highest scores of as many as the network has parameters."""
    scores = torch.randn(count(name), generator=torch.Generator().manual_seed(0)).abs()
    return lambda: highest(scores, len(scores) // 10)


WORKS: dict[str, Callable[[str], Work]] = {
    f"training step, {IMAGES} images": training,
    f"SNIP, {IMAGES} images": scoring,
    "ranking its scores": ranking,
}


def count(name: str) -> int:
    """The parameters of a network."""
    return sum(parameter.numel() for parameter in NETS[name]().parameters())


def by_parameters() -> list[dict[str, Any]]:
    """Seconds and bytes of each work, for each network."""
    rows = []
    for name in NETS:
        row: dict[str, Any] = {"network": name, "parameters": count(name)}
        for what, prepare in WORKS.items():
            work = prepare(name)
            work()
            row[what] = {"seconds": median(seconds(work) for _ in range(REPEATS))}
            del work
            row[what]["bytes"] = extra_memory(prepare, name)
        print(json.dumps(row), flush=True)
        rows.append(row)
    return rows


def by_cells() -> list[dict[str, Any]]:
    """Seconds to plan a table of finished cells and to make its report, the first one's apart."""
    rows = []
    for cells in CELLS:
        with TemporaryDirectory() as folder:
            finish(planned(cells, Path(folder)).runs)
            rows.append({"cells": cells} | _of_table(cells, Path(folder)))
        print(json.dumps(rows[-1]), flush=True)
    return rows


def _of_table(cells: int, folder: Path) -> dict[str, float]:
    plan = planned(cells, folder)
    return {
        "plan": seconds(lambda: planned(cells, folder)),
        "first report, with its pictures": seconds(lambda: make(plan).write()),
        "report again": seconds(lambda: make(plan).write()),
    }


def by_processes(parameters: int = 14_700_000) -> list[dict[str, float]]:
    """Megabytes that each of so many DDP processes sends a step, and once for the masks.

    On paper: a ring all-reduce sends 2 (p - 1) / p of the float32 gradients; the masks, a byte a
    weight, are broadcast once a run.
    """
    return [
        {
            "processes": p,
            "gradients_mb_a_step": 2 * (p - 1) / p * 4 * parameters / 1e6,
            "masks_mb_a_run": parameters / 1e6 if p > 1 else 0.0,
        }
        for p in (1, 2, 4, 8, 16)
    ]


def draw(found: dict[str, Any], path: Path) -> None:
    """Seconds and memory against parameters, and seconds against cells."""
    with figure(path, 1, 3, (10.5, 3.4), rules=RULES, dpi=200) as ((times, memory, cells),):
        networks = found["parameters"]
        millions = [row["parameters"] / 1e6 for row in networks]
        for what, (colour, marker) in zip(WORKS, STYLES, strict=False):
            looks = {"color": colour, "marker": marker, "markersize": 4, "label": what}
            times.plot(millions, [row[what]["seconds"] for row in networks], **looks)
            memory.plot(millions, [row[what]["bytes"] / 1e9 for row in networks], **looks)
        floats = [4 * value / 1000 for value in millions]
        memory.plot(millions, floats, color="0.5", linestyle=":", label="the weights")
        rows = found["cells"]
        for what, (colour, marker) in zip(list(rows[0])[1:], STYLES, strict=False):
            looks = {"color": colour, "marker": marker, "markersize": 4, "label": what}
            cells.plot([row["cells"] for row in rows], [row[what] for row in rows], **looks)
        times.set(xlabel="parameters (millions)", ylabel="seconds")
        memory.set(xlabel="parameters (millions)", ylabel="memory beyond the network (GB)")
        cells.set(xlabel="cells of a finished table", ylabel="seconds")
        for axis in (times, memory, cells):
            axis.set(xscale="log", yscale="log")
            axis.grid(alpha=0.3, linewidth=0.5)
            axis.legend(frameon=False, fontsize=7)


def main() -> None:
    """Measure, write and draw."""
    found = {
        "versions": versions(),
        "hardware": hardware(),
        "commit": commit(),
        "threads": torch.get_num_threads(),
        "cells": by_cells(),
        "parameters": by_parameters(),
        "processes": by_processes(),
    }
    write_atomically(HERE / "growth.json", json.dumps(found, indent=2) + "\n")
    draw(found, HERE / "growth.png")


if __name__ == "__main__":
    main()
