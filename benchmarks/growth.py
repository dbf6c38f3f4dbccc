"""How cost grows with parameters, cells and processes: make growth, some three minutes.

python -m benchmarks.growth     # writes benchmarks/growth.json and benchmarks/growth.png
python -m benchmarks.growth --redraw     # the picture alone, from growth.json

Measured once on a shared machine: read the slopes, not the seconds.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks import sizes, tables
from benchmarks.workloads import NETS
from goldpan.files import write_atomically
from goldpan.masks import read_masks
from goldpan.pictures import RULES, STYLES, figure
from goldpan.reports.text import markdown
from goldpan.runs.provenance import commit, hardware, versions

HERE = Path(__file__).parent
RANKS = (2, 8, 64)
NAMES = ("ResNet-20", "VGG-16")

Values = Mapping[str, Any]


def ranks() -> list[str]:
    """What DDP sends on paper: gradients in every step, masks once a pruning."""
    lines = []
    for name in NAMES:
        million = read_masks(NETS[name]()).total / 1e6
        sent = [f"{2 * (count - 1) / count * 4 * million:.1f} MB of {count}" for count in RANKS]
        lines.append(
            f"{name}, in a step each process sends (ring all-reduce of float32 gradients, those of "
            f"cut weights as zeros, whatever the sparsity): {', '.join(sent)} processes; once a "
            f"pruning the masks are broadcast: {million:.1f} MB of bools."
        )
    return lines


def draw(found: Values, path: Path) -> None:
    """Time and memory against parameters, seconds against cells; both axes logarithmic."""
    with figure(path, 1, 3, (10.5, 3.6), rules=RULES) as ((times, memory, cells),):
        works = dict.fromkeys(row["work"] for row in found["sizes"])
        for work, style in zip(works, STYLES, strict=False):
            for family in ("ResNet", "VGG"):
                rows = [r for r in found["sizes"] if r["work"] == work and family in r["network"]]
                weights = [row["parameters"] / 1e6 for row in rows]
                label = work if family == "VGG" else None
                _plot(times, weights, [row["seconds"] for row in rows], style, label)
                _plot(memory, weights, [row["bytes"] / 2**20 for row in rows], style, label)
        floats = [4e6 * million / 2**20 for million in weights]
        memory.plot(weights, floats, color="0.5", linestyle=":", label="the weights")
        rows = found["tables"]
        for (part, label), style in zip(PARTS.items(), STYLES[3:], strict=False):
            _plot(cells, [row["cells"] for row in rows], [row[part] for row in rows], style, label)
        networks = "ResNet-20, -32x2; VGG-16 of four widths"
        _label(times, networks, "prunable weights (million)", "seconds, one thread")
        _label(memory, networks, "prunable weights (million)", "extra memory at most (MiB)")
        _label(cells, "tables of made-up records", "cells", "seconds")


PARTS = {
    "plan": "plan",
    "read": "read all records",
    "report": "first report, with its pictures",
    "again": "report again",
}


def _plot(
    axes: Any, x: Sequence[float], y: Sequence[float], style: tuple[str, str], label: str | None
) -> None:
    colour, marker = style
    axes.plot(x, y, color=colour, marker=marker, markersize=4, label=label)


def _label(axes: Any, title: str, x: str, y: str) -> None:
    axes.set(xscale="log", yscale="log", title=title, xlabel=x, ylabel=y)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3)
    axes.set_ylim(top=5 * axes.get_ylim()[1])  # room for the legend
    axes.legend(frameon=False, loc="upper left")


def table(rows: Sequence[Values]) -> str:
    """Rows of the same keys as Markdown."""
    lines = [[f"{v:.3g}" if isinstance(v, float) else str(v) for v in r.values()] for r in rows]
    return markdown(list(rows[0]), lines)


def measure() -> Values:
    """Everything, with what it was measured on."""
    torch.set_num_threads(1)  # robust beside other work
    found: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": versions(),
        "hardware": hardware(),
        "sizes": [],
        "tables": [],
        "ranks": ranks(),
    }
    sizes.measure(lambda size: found["sizes"].append(asdict(size)))
    print(table(found["sizes"]), flush=True)
    tables.measure(lambda cost: found["tables"].append(asdict(cost)))
    print(f"\n{table(found['tables'])}\n")
    print("\n".join(found["ranks"]))
    return found


def main() -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--redraw", action="store_true", help="the picture alone")
    if parser.parse_args().redraw:
        found = json.loads((HERE / "growth.json").read_text())
    else:
        found = measure()
        write_atomically(HERE / "growth.json", json.dumps(found, indent=2) + "\n")
    draw(found, HERE / "growth.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
