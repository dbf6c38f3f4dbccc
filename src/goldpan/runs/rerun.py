"""What is run again on request, and what becomes of the old files then."""

from itertools import count
from pathlib import Path

from goldpan.files import write_atomically
from goldpan.runs.fingerprint import changed
from goldpan.runs.record import ARCHITECTURE, BEST, CHECKPOINT, CURVE, RECORD, WEIGHTS, Record

MADE_BY = ".fingerprint"
"""The file in a run's folder that has the fingerprint of the run whose checkpoint lies there."""

OF_MEMBERS = ("members.csv", "member[0-9].pt", "member[0-9][0-9].pt")
KEPT = (RECORD, WEIGHTS, BEST, ARCHITECTURE, CURVE, *OF_MEMBERS)
"""Files of a run, as patterns, that are kept when it is run again."""


def stale(record: Record, draft: Record) -> str:
    """Which part changed since a record was made: "code", "images" or both; empty if none."""
    return changed(record.origin.fingerprint, draft.origin.fingerprint) if record.done else ""


def is_wanted(record: Record, draft: Record, rerun: str | None) -> bool:
    """Whether a planned run is to be done although it has a record; not if that is newer."""
    if not record.done:
        return rerun in ("failed", "all")
    older = record.identity.started < draft.identity.started
    return older and (rerun == "all" or (rerun == "stale" and stale(record, draft) != ""))


def keep_old(folder: Path, record: Record) -> dict[Path, Path]:
    """Rename the files of a run that is run again, such as to record-2026-11-24T18-30-00.json.

    Returns the new path of each old one.
    """
    started, renamed = record.identity.started[:19].replace(":", "-"), dict[Path, Path]()
    for path in sorted(path for pattern in KEPT for path in folder.glob(pattern)):
        name, count = f"{path.stem}-{started}", 1
        while (kept := path.with_name(f"{name}{path.suffix}")).exists():
            name, count = f"{path.stem}-{started}-{count + 1}", count + 1
        renamed[path] = path.rename(kept)
    return renamed


def set_aside(folder: Path) -> str:
    """Rename the broken record of a run, such as to record.broken-1.json; a sentence that says so.

    Nothing is deleted: it may be all that there is of the run.
    """
    path = folder / RECORD
    places = (path.with_stem(f"{path.stem}.broken-{number}") for number in count(1))
    free = next(place for place in places if not place.exists())
    path.rename(free)
    return f"{folder.name}: its record is broken and is now {free.name}"


def claim_checkpoint(folder: Path, today: str) -> tuple[str, str]:
    """Remove the checkpoints of other code or images; return a fingerprint and a sentence.

    The fingerprint is that of the run as it goes on: unknown if its checkpoint's is. The sentence
    says what was removed, if anything was.
    """
    checkpoints = [*folder.glob(CHECKPOINT), *folder.glob(f"*/{CHECKPOINT}")]
    made_by = folder / MADE_BY
    if checkpoints and not made_by.exists():
        return "", ""
    part = changed(made_by.read_text(), today) if checkpoints else ""
    for path in checkpoints if part else ():
        path.unlink()
    write_atomically(made_by, today)
    sentence = f"starts over: the {part} changed since {folder / CHECKPOINT} was written"
    return today, sentence if part else ""


def forget_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a run that has ended."""
    for name in (CHECKPOINT, MADE_BY):
        (folder / name).unlink(missing_ok=True)
