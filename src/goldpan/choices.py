"""A choice that cannot be, said in one sentence before Hydra composes anything."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path


def bad_choice(arguments: Sequence[str], conf: Path) -> str | None:
    """A sentence on the first group=option of the command line that has no file, else None.

    Commas separate the options of a sweep; what is no group of `conf` is left to Hydra.
    """
    for argument in arguments:
        group, _, options = argument.lstrip("+").partition("=")
        known = (
            sorted(path.stem for path in (conf / group).glob("*.yaml")) if group.isalpha() else []
        )
        for option in options.split(",") if known else ():
            if option.removesuffix(".yaml") not in known and not set(option) & set("${}()[]'\""):
                close = get_close_matches(option, known, n=1)
                hint = f" (did you mean {close[0]}?)" if close else ""
                return f"{group} is one of {', '.join(known)}; got {option}{hint}"
    return None
