"""The code that made a run, taken from git at the run's own commit.

Code goes on, and a published table is not run again for each change of it. What made its records
can be checked all the same: their commit's code has to give the fingerprints that they bear.
"""

import json
import os
import subprocess
import sys
import tarfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from goldpan.runs.record import Record

SCRIPT = """
import json, sys
from goldpan.runs.fingerprint import code_fingerprint
print(json.dumps([code_fingerprint(choices) for choices in json.load(sys.stdin)]))
"""
"""Run by the code of a commit; functions that it names have been there since fingerprints have."""


def recorded(records: Sequence[Record]) -> dict[str, str]:
    """The fingerprint that each run's own commit gives for its choices, by the run's id.

    A run whose commit git does not have here, or whose code cannot say, is left out.
    """
    runs = defaultdict[str, list[Record]](list)
    for record in records:
        runs[own_commit(record)].append(record)
    found = dict[str, str]()
    for commit, made in runs.items():
        digits = _fingerprints(commit, [record.identity.choices for record in made])
        found |= dict(zip([record.identity.id for record in made], digits, strict=False))
    return found


def own_commit(record: Record) -> str:
    """The commit that a run was made at, committed or with changes that were not."""
    return record.origin.commit.removesuffix("-dirty")


def _fingerprints(commit: str, choices: Sequence[Mapping[str, Any]]) -> list[str]:
    """By the code of a commit, in a process of its own; none where there is no such code."""
    here = Path(__file__).parent
    with TemporaryDirectory() as folder:
        try:
            words = ["git", "archive", "--format=tar", commit, "src"]
            top = _output(["git", "rev-parse", "--show-toplevel"], here).decode().strip()
            with tarfile.open(fileobj=BytesIO(_output(words, Path(top)))) as archive:
                archive.extractall(folder, filter="data")
            environment = os.environ | {"PYTHONPATH": f"{folder}/src"}
            typed = json.dumps(choices).encode()
            said = _output([sys.executable, "-c", SCRIPT], Path(folder), typed, environment)
        except (OSError, subprocess.CalledProcessError):
            return []
    return [str(digits) for digits in json.loads(said)]


def _output(
    words: Sequence[str],
    at: Path,
    given: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    done = subprocess.run(
        words, cwd=at, input=given, env=environment, capture_output=True, check=True
    )
    return done.stdout
