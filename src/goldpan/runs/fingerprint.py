"""The fingerprint of a run: of the code that decides it, and of its images.

A run's id counts what was chosen; its fingerprint counts what the choices stood for on that day. A
record whose fingerprint differs from today's is stale: the same command would run something else.

Of code count the files of everything that the choices name (scorer, allocation, penalty, model,
schedule, procedure, ...) and what they import of goldpan or of the user's own modules, but for
what only writes or draws (see `code.ONLY_WRITE`). Of installed libraries a record has the versions.
Of images counts the content of an archive or a folder; other datasets have checksums.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from goldpan.runs.code import code_digest
from goldpan.runs.identity import NOT_DECISIVE
from goldpan.runs.image_content import content_digest

FROM_FILES = ("image_folder", "imagenet")
"""Datasets that are the user's own files."""

NOT_CODE = (*NOT_DECISIVE, "policy")
"""Choices at the top whose code does not count; a policy does where a method takes it."""


def fingerprint(choices: Mapping[str, Any]) -> str:
    """Digits for the code, and behind a "+" those for the images where they are files.

    A part that cannot be known here, such as images that are not on this machine, is empty.
    """
    images = _images(choices["dataset"])
    return code_fingerprint(choices) + (f"+{images}" if images else "")


def code_fingerprint(choices: Mapping[str, Any]) -> str:
    """The first part of a fingerprint; the choices in a record suffice for it."""
    return code_digest(code_names(choices))


def code_names(choices: Mapping[str, Any]) -> set[str]:
    """The dotted names of the code that decides a run, and does not only log or launch it."""
    return {name for key in choices.keys() - {*NOT_CODE} for name in named(choices[key])}


def changed(before: str, today: str) -> str:
    """Which part differs: "code", "images", "code and images"; empty if none is known to."""
    parts = zip(("code", "images"), _parts(before), _parts(today), strict=True)
    return " and ".join(name for name, one, other in parts if one and other and one != other)


def _parts(text: str) -> tuple[str, str]:
    code, _, images = text.partition("+")
    return code, images


def _images(dataset: Mapping[str, Any]) -> str:
    if dataset["name"] not in FROM_FILES:
        return ""
    return content_digest(Path(dataset["root"]), Path(dataset.get("cache", "data/cache")))


def named(value: Any) -> Iterator[str]:
    """The dotted names of functions and classes in a choice."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name == "_target_":
                yield str(item)
            elif name == "indices" and isinstance(item, list):  # Panning finds scorers by name
                yield from (f"goldpan.scorers.{index}.{index}" for index in item)
            else:
                yield from named(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from named(item)
