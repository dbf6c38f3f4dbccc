"""The families of methods, told by what their files in conf/method choose."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

MARKS = {
    "tickets": r"procedure: lottery$",
    "whole channels": r"procedure: (train_prune_finetune|thin_when_stable|stamp)$",
    "Panning": r"/pruner/pan@",
    "before training": r"/pruner/before_training@",
    "while training": r"/pruner/",
    "nothing is cut": r"^pruner: null",
}
"""Family -> what stands in its methods' files, or in that of the method that they start from; the
first that fits counts."""

ORDER = ["before training", "Panning", "while training", "tickets", "whole channels"]
ORDER += ["nothing is cut", "others"]

BASE = re.compile(r"^defaults:\s*(?:\[|- )(\w+)", re.MULTILINE)
"""The method that a file starts from."""


def list_families(files: Iterable[Path]) -> str:
    """A line a family with its methods, from all files; of two of one name the first counts."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in reversed([*files])}
    found: dict[str, list[str]] = {}
    for name in sorted(texts):
        found.setdefault(family(name, texts), []).append(name)
    return "".join(f"  {one}: {', '.join(found[one])}\n" for one in ORDER if one in found)


def family(name: str, texts: Mapping[str, str]) -> str:
    """The family of a method; "others" if its file has no mark, as one of the user's own may."""
    for text in _lineage(name, texts):
        for found, mark in MARKS.items():
            if re.search(mark, text, re.MULTILINE):
                return found
    return "others"


def _lineage(name: str, texts: Mapping[str, str]) -> Iterator[str]:
    """The text of a method's file, and of those that it starts from, in turn."""
    seen = set[str]()
    while name in texts and name not in seen:
        yield texts[name]
        seen.add(name)
        base = BASE.search(texts[name])
        name = base[1] if base else ""
