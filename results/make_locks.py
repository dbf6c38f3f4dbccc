"""Writes requirements.lock beside each table's records: the versions that made them.

python results/make_locks.py
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from goldpan.runs.record import RECORD, Origin, read_record

LOCK = "requirements.lock"

HEAD = """# The versions of the {runs} records here; made by python results/make_locks.py
# Python {python}; goldpan {goldpan} at commit {commits}
"""


def lock(origins: Iterable[Origin]) -> str:
    """The text of a lock for runs that come from there.

    Where records have different versions, the lock has those of most, and a line says so.
    """
    origins = [origin for origin in origins if origin.versions]
    counted = Counter(tuple(sorted(origin.versions.items())) for origin in origins)
    if not counted:
        raise ValueError("expected records that name their versions, got none")
    (most, _), *others = counted.most_common()
    names = dict(most)
    commits = ", ".join(sorted({origin.commit for origin in origins}))
    head = HEAD.format(
        runs=len(origins), python=names.pop("python"), goldpan=names.pop("goldpan"), commits=commits
    )
    for other, runs in others:
        head += f"# {runs} of them: {_differences(dict(other), dict(most))}\n"
    return head + "".join(f"{name}=={version}\n" for name, version in names.items())


def _differences(versions: Mapping[str, str], usual: Mapping[str, str]) -> str:
    """What is other than usual, such as "torch 2.15.0"."""
    changed = [f"{name} {text}" for name, text in versions.items() if text != usual.get(name)]
    return ", ".join(changed)


if __name__ == "__main__":
    for folder in sorted(path for path in Path(__file__).parent.iterdir() if path.is_dir()):
        if records := sorted(folder.rglob(RECORD)):
            text = lock(read_record(path).origin for path in records)
            (folder / LOCK).write_text(text)
