"""Where the numbers of a report come from: runs, seeds, images, hardware, versions, commits."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from goldpan.reports.results import Panel
from goldpan.reports.samples import summarize
from goldpan.reports.text import shown
from goldpan.runs.provenance import is_release
from goldpan.runs.record import Origin, Record


def evidence(records: Sequence[Record]) -> str:
    """One line: how many runs, seeds and images, on what hardware, with what versions."""
    seeds, origins = sorted({r.identity.seed for r in records}), [r.origin for r in records]
    facts = [f"{len(records)} runs, seeds {', '.join(map(str, seeds))}"]
    facts += distinct(
        f"{o.data.get('train', '?')} training images, {o.data.get('test', '?')} test"
        for o in origins
    )
    facts += distinct(_hardware(origin) for origin in origins)
    facts += distinct(f"torch {o.versions.get('torch', 'unknown')}" for o in origins)
    return "; ".join([*facts, *distinct(map(_code, origins))])


def images(record: Record) -> str:
    """The images of a run; of image files, their folder or archive too."""
    data = record.origin.data
    text = f"{data.get('name', 'unknown')}, {data.get('train', '?')} training images"
    if data.get("name") == "image_folder":
        source = Path(record.identity.choices["dataset"]["root"]).name
        text += f" from the files in {source}: JPEG files are not the original images"
    return text


def _code(origin: Origin) -> str:
    """The commit, or the version of goldpan where it was installed."""
    return origin.commit if is_release(origin.commit) else f"commit {origin.commit}"


def _hardware(origin: Origin) -> str:
    known = origin.hardware
    return str(known.get("gpu", known.get("cpu", "unknown hardware")))


def whole_networks(panels: Sequence[Panel], axis: str) -> list[str]:
    """The whole networks of each row before their channels went, by seed, after the last epoch."""
    texts = []
    for panel, row in ((grid, name) for grid in panels for name in grid.rows):
        records = [record for cell in panel.row(row) for record in cell.records]
        trained = {r.identity.seed: r.channels.trained.test for r in records if r.channels}
        if trained:
            name = f"{panel.title}, {shown(axis, row)}" if len(panels) > 1 else shown(axis, row)
            texts.append(f"{name} {summarize([*trained.values()])} (n={len(trained)})")
    return [f"ours before channels were removed, last epoch: {', '.join(texts)}"] if texts else []


def distinct(texts: Iterable[str]) -> list[str]:
    """Each text once, in order."""
    return list(dict.fromkeys(texts))
