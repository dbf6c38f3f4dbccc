"""goldpan's speed as ratios to named rivals, measured here: make bench, or make bench-gpu.

python -m benchmarks                      # a quarter of an hour on two quiet cores
python -m benchmarks --only selection,synflow
python -m benchmarks --threads 1          # beside other work, where two threads wait for each other
python -m benchmarks --gpu

Prints a Markdown table as it goes; a whole run is kept in benchmarks/results.json (or
results-gpu.json). The exit code is 1 if a row misses its target.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import torch

from benchmarks import (
    channels,
    compacting,
    data,
    epoch,
    evaluating,
    fused,
    images,
    masking,
    one_gpu,
    panning,
    regrowing,
    runtimes,
    scoring,
    selection,
    small_table,
    sparse,
    starting,
    sweeping,
    training,
)
from benchmarks.rows import HEADER, Line, Row, chosen, run
from goldpan.files import write_atomically
from goldpan.runs.provenance import commit, hardware, versions

HERE = Path(__file__).parent

THEMES = (
    masking,
    training,
    epoch,
    data,
    selection,
    scoring,
    panning,
    sweeping,
    channels,
    regrowing,
    sparse,
    small_table,
    evaluating,
    fused,
    starting,
)
ROWS: list[Row] = [row for theme in (*THEMES, compacting, runtimes) for row in theme.ROWS]


def rows_for(device: torch.device) -> list[Row]:
    """The rows that make sense on a device, in the order of their numbers."""
    if device.type == "cuda":
        more = [*fused.GPU_ROWS, *images.ROWS, *one_gpu.ROWS]
        return sorted([r for r in ROWS if r.gpu] + more, key=lambda row: row.number)
    return sorted(ROWS, key=lambda row: row.number)


def keep(lines: list[Line], path: Path, took: float) -> None:
    """Write a whole run's lines, with what they were measured on."""
    values = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": versions(),
        "hardware": hardware(),
        "seconds": round(took),
        "rows": [line.json() for line in lines],
    }
    write_atomically(path, json.dumps(values, indent=2) + "\n")


def main() -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="parts of names, or numbers, with commas")
    parser.add_argument("--gpu", action="store_true", help="the rows that make sense on a GPU")
    parser.add_argument("--threads", type=int, help="torch's; default: as many as cores")
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    if asked.gpu and not torch.cuda.is_available():
        print("torch sees no GPU here; make bench measures the processor", file=sys.stderr)
        return 1
    device = torch.device("cuda" if asked.gpu else "cpu")
    try:
        rows = chosen(rows_for(device), [word for word in asked.only.lower().split(",") if word])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    start, lines = perf_counter(), list[Line]()
    machine = ", ".join(f"{value} {name}" for name, value in hardware().items())
    print(f"{machine}; torch {torch.__version__}\n\n{HEADER}", flush=True)
    for row in rows:
        lines.append(run(row, device))
        print(lines[-1].markdown(), flush=True)
    missed = [line.row.name for line in lines if line.verdict in ("MISS", "ERROR")]
    took = perf_counter() - start
    print(f"\n{len(lines)} rows in {took / 60:.1f} minutes; missed: {', '.join(missed) or 'none'}")
    if not asked.only:
        keep(lines, HERE / ("results-gpu.json" if asked.gpu else "results.json"), took)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
