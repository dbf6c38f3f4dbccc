"""What was computed from files, kept in a file of its own while they have one size and time."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from goldpan.files import write_atomically


def stamp(status: os.stat_result) -> str:
    """Size and times of a file; `cp -p` keeps the time of writing, nothing keeps that of change."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def recall(path: Path) -> dict[str, Any]:
    """What `remember` wrote; empty if there is nothing to read."""
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def remember(path: Path, values: dict[str, Any]) -> None:
    """Write the values; where the folder is read-only they are computed again each time."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(values))
