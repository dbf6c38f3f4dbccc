"""Where the numbers of a report come from: runs, seeds, images, hardware, versions, commits."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from goldpan.reports.bands import summarize
from goldpan.reports.results import Panel
from goldpan.reports.text import shown
from goldpan.runs.record import Record


def evidence(records: Sequence[Record]) -> str:
    """One line: how many runs, seeds and images, on what hardware, with what versions."""
    seeds = sorted({record.seed for record in records})
    facts = [f"{len(records)} runs, seeds {', '.join(map(str, seeds))}"]
    facts += distinct(f"{r.data['train']} training images, {r.data['test']} test" for r in records)
    facts += distinct(str(r.hardware.get("gpu", r.hardware["cpu"])) for r in records)
    facts += distinct(f"torch {r.versions['torch']}" for r in records)
    return "; ".join([*facts, *distinct(f"commit {record.commit}" for record in records)])


def images(record: Record) -> str:
    """The images of a run; of image files, their folder or archive too."""
    text = f"{record.data['name']}, {record.data['train']} training images"
    if record.data["name"] == "image_folder":
        source = Path(record.choices["dataset"]["root"]).name
        text += f" from the files in {source}: JPEG files are not the original images"
    return text


def whole_networks(panels: Sequence[Panel], axis: str) -> list[str]:
    """The whole networks of each row before their channels went, by seed, after the last epoch."""
    texts = []
    for panel, row in ((grid, name) for grid in panels for name in grid.rows):
        records = [record for cell in panel.row(row) for record in cell.records]
        if seeds := {run.seed: run.trained.test for run in records if run.trained is not None}:
            name = f"{panel.title}, {shown(axis, row)}" if len(panels) > 1 else shown(axis, row)
            texts.append(f"{name} {summarize([*seeds.values()])} (n={len(seeds)})")
    return [f"ours before channels were removed, last epoch: {', '.join(texts)}"] if texts else []


def distinct(texts: Iterable[str]) -> list[str]:
    """Each text once, in order."""
    return list(dict.fromkeys(texts))
