"""Every choice of a run is checked against the options before any work, by its name and kind."""

from collections.abc import Collection, Container, Iterator, Mapping, Set
from difflib import get_close_matches
from typing import Any

from goldpan.runs.build import check_target
from goldpan.runs.code import modules
from goldpan.runs.combinations import check_together
from goldpan.runs.kinds import DOTTED, FLAG
from goldpan.runs.options import COPIES, OPTIONS, Option
from goldpan.runs.signatures import Signature, find_signature, public_names

OF_HYDRA = ("_target_", "_partial_", "_recursive_", "_convert_", "_args_")
"""Words inside a part that Hydra's instantiate reads; the part itself never sees them."""

CALLED_AT_ONCE = (
    "dataset",
    "policy",
    "quantization",
    "quantization.sampling",
    "method.pruner",
    "method.pruner.sampling",
    "method.channels.sampling",
    "procedure.staircase",
)
"""Parts that Hydra builds. All others are functions that goldpan calls, so they are partial."""


def check_choices(choices: Mapping[str, Any]) -> None:
    """Raise ValueError, in one sentence, if a choice is unknown, missing, or impossible.

    FileNotFoundError says that a chosen file does not exist. Nothing is changed.
    """
    for fault in _faults("", choices, choices):
        raise ValueError(fault)
    check_together(choices)


def check_groups(names: Container[str]) -> None:
    """Raise ValueError, in one sentence, if a group or option at the top is missing."""
    for name, option in _inside("", "").items():
        if option.needed and name not in names:
            raise ValueError(_missing(name, option))


def check_option(name: str, value: Any) -> None:
    """Raise ValueError, in one sentence, if the option of that name may not have this value."""
    if (option := OPTIONS.get(name)) and not option.kind.accepts(value):
        raise ValueError(_wrong(name, option, value))


def unknown(name: str) -> str:
    """The sentence on an option that does not exist, with the nearest that does."""
    if name == "recipe.steps":
        return "recipe.steps is no option; for 500 steps say recipe.epochs=500it"
    if name in {dotted.partition("@")[0] for dotted in OPTIONS}:
        return f"{name} is no option of the parts chosen here; leave it out, or choose others"
    near = _nearest(name)
    return f"{name} is no option; " + (
        f"did you mean {near}?" if near else "goldpan --cfg job shows all that there are"
    )


def _faults(name: str, node: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong in a group or part of this dotted name, and below it."""
    target = node.get("_target_")
    known = _inside(COPIES.get(name, name), str(target))
    own = target is not None and _is_own(str(target))  # its words are its own, whatever ours mean
    if target is not None:
        yield from _faults_of_part(name, node, known.keys(), whole.get("allowed"))
    for leaf, value in node.items():
        dotted = f"{name}.{leaf}" if name else str(leaf)
        option = known.get(str(leaf)) or known.get("*")
        if leaf in OF_HYDRA or _is_copy(dotted, value, whole):
            continue
        if option is not None and not own and not option.kind.accepts(value):
            yield _wrong(dotted, option, value)
        elif option is None and target is None and not _is_logger(name, value):
            yield unknown(dotted)
        elif isinstance(value, dict) and (option is not None or "_target_" in value):
            yield from _faults(dotted, value, whole)
    for leaf, option in known.items():
        if option.needed and leaf not in node and target is None:
            yield _missing(f"{name}.{leaf}" if name else leaf, option)


def _is_own(target: str) -> bool:
    """Whether a dotted name is of a module of the user's."""
    return not target.startswith("goldpan.") and bool(modules(target))


def _faults_of_part(
    name: str, node: Mapping[str, Any], known: Set[str], allowed: Collection[str] | None
) -> Iterator[str]:
    """Say what is wrong with a part's function and with the names of its keywords."""
    logs = name.partition(".")[0] == "logger"  # goldpan calls it, and says so itself
    node = {leaf: value for leaf, value in node.items() if not _is_logger(name, value)}
    target, partial = node["_target_"], node.get("_partial_", logs)
    if not DOTTED.accepts(target):
        yield f"{name}._target_ is {DOTTED.words}; got {show(target)}"
        return
    if name in OPTIONS and partial is not (name not in CALLED_AT_ONCE):
        expected = "true" if name not in CALLED_AT_ONCE else "left out"
        yield f"{name}._partial_ is {expected}; got {show(partial)}"
    if not FLAG.accepts(partial):
        yield f"{name}._partial_ is {FLAG.words}; got {show(partial)}"
    if target.startswith("wandb.") and node.keys() <= known | {*OF_HYDRA}:
        return  # W&B's own file of 60,000 characters takes longer to parse than all others
    try:
        check_target(target, allowed or ())
    except ValueError as error:
        yield f"{name}._target_={error}"
        return
    try:
        signature = find_signature(target)
    except LookupError as error:
        yield f"{name}._target_={target}: {error.args[0]}{_hint(target)}"
        return
    except (OSError, SyntaxError, UnicodeError) as error:
        yield f"{name}._target_={target} cannot be read: {error}"
        return
    if signature is not None:
        yield from _faults_of_keywords(name, node, signature, partial=partial)


def _faults_of_keywords(
    name: str, node: Mapping[str, Any], signature: Signature, *, partial: bool
) -> Iterator[str]:
    target, given = node["_target_"], [str(leaf) for leaf in node if leaf not in OF_HYDRA]
    strange = [] if signature.free else [leaf for leaf in given if leaf not in signature.names]
    if strange:
        near = get_close_matches(strange[0], [n for n in signature.names if n not in given], 1)
        words = " ".join(f"'~{name}.{leaf}'" for leaf in strange)
        words += ", or choose model=own" if name == "model" and _is_own(target) else ""
        hint = f"did you mean {name}.{near[0]}?" if near else f"leave that out, or type {words}"
        yield f"{target} takes no {', '.join(strange)}; {hint}"
    later = signature.positional if partial else ()
    missing = sorted(signature.required - {*given, *later})
    if missing and not node.get("_args_"):
        yield f"{name}.{missing[0]} is missing; {target} needs it"


def _is_logger(name: str, value: Any) -> bool:
    """Whether this value in a group is a logger beside that of the group itself."""
    return name == "logger" and isinstance(value, Mapping) and "_target_" in value


def _missing(name: str, option: Option) -> str:
    return f"{name} is missing; it is {option.kind.words}: {option.meaning}"


def _wrong(name: str, option: Option, value: Any) -> str:
    return f"{name} is {option.kind.words}; got {show(value)}"


def show(value: Any) -> str:
    """A value as it is typed, in at most 80 characters."""
    names = {None: "null", True: "true", False: "false"}
    plain = value is None or isinstance(value, bool)
    text = names[value] if plain else str(value) if value != "" else "nothing"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _inside(name: str, target: str) -> dict[str, Option]:
    """The options right below a dotted name, by their last word; "" is the top."""
    start, function = f"{name}." if name else "", target.rpartition(".")[2]
    found = {}
    for dotted, option in OPTIONS.items():
        word, _, of = dotted.removeprefix(start).partition("@")
        if dotted.startswith(start) and word and "." not in word and of in ("", function):
            found[word] = option
    return found


def _is_copy(name: str, value: Any, whole: Mapping[str, Any]) -> bool:
    """Whether the option has the value of the one that it follows, which is checked there."""
    original: Any = whole
    for word in COPIES[name].split(".") if name in COPIES else ("",):
        original = original.get(word) if isinstance(original, Mapping) else None
    return name in COPIES and original == value and type(original) is type(value)


def _nearest(name: str) -> str | None:
    """The option that was perhaps meant: of the same group, else of the same last word."""
    names = [dotted.partition("@")[0] for dotted in OPTIONS if "*" not in dotted]
    group, _, leaf = name.rpartition(".")
    beside = {n.rpartition(".")[2]: n for n in names if n.rpartition(".")[0] == group}
    if near := get_close_matches(leaf, beside, 1):
        return beside[near[0]]
    root = name.partition(".")[0]
    below = [n for n in names if not group or n.partition(".")[0] == root]
    same = [n for n in below if n.rpartition(".")[2] == leaf]
    return next(iter(same or get_close_matches(name, below, 1, cutoff=0.8)), None)


def _hint(target: str) -> str:
    try:
        near = get_close_matches(target.rpartition(".")[2], public_names(target), 1)
    except (LookupError, OSError, SyntaxError, UnicodeError):
        near = []
    return f"; did you mean {target.rpartition('.')[0]}.{near[0]}?" if near else ""
