"""Files that are replaced whole or not at all."""

import csv
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


def print_anything() -> None:
    """Print ? for a letter that the terminal's encoding lacks, instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path`, with its suffix, to write to; it takes the place of `path` at the end.

    On any error, and on a kill, the old file stays as it was.
    """
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Replace a file by one with this text; on any error the old file stays as it was."""
    with replacing(path) as temporary, temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_rows(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write rows as CSV, with a column for every name that a row has, whole or not at all."""
    text = io.StringIO()
    columns = dict.fromkeys(name for row in rows for name in row)
    table = csv.DictWriter(text, list(columns), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_atomically(path, text.getvalue())
