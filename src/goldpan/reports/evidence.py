"""Markdown tables, and where the numbers in them come from."""

from collections.abc import Iterable, Sequence

from goldpan.runs.record import Record


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with its columns aligned, three hyphens wide at least."""
    widths = [max(3, *(len(row[i]) for row in [header, *rows])) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    padded = [[text.ljust(width) for text, width in zip(row, widths, strict=True)] for row in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def evidence(records: Sequence[Record]) -> str:
    """Where the numbers come from: runs, seeds, data, hardware, versions, commit."""
    counted = [record for record in records if record.done]
    seeds = sorted({record.seed for record in counted})
    facts = [f"{len(counted)} runs, seeds {', '.join(map(str, seeds))}"]
    facts += distinct(f"{r.data['train']} training images, {r.data['test']} test" for r in counted)
    facts += distinct(str(r.hardware.get("gpu", r.hardware["cpu"])) for r in counted)
    facts += distinct(f"torch {r.versions['torch']}" for r in counted)
    return "; ".join([*facts, *distinct(f"commit {record.commit}" for record in counted)])


def distinct(texts: Iterable[str]) -> list[str]:
    """Each text once, in order."""
    return list(dict.fromkeys(texts))
