"""A digest of Python code: of the modules that dotted names lie in, and of all that they import.

It follows the imports of goldpan and of the user's own modules: those that lie outside the folders
of Python's library and of installed packages. Docstrings, comments, formatting and imports for
types alone change nothing.
"""

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from typing import Any

from goldpan.runs.remembered import recall, remember, stamp

DIGITS = 12

MEMORY = Path(cache_from_source(__file__)).with_name("code.json")
"""Digests of modules, beside Python's own compiled ones: to parse goldpan takes half a second."""

ONLY_WRITE = (
    "goldpan.choices",
    "goldpan.data.download",  # what it fetches has a checksum
    "goldpan.files",
    "goldpan.panning.pictures",
    "goldpan.pictures",
    "goldpan.procedures.loggers",
    "goldpan.runs",
    "goldpan.training.callbacks.files",
)
"""Modules and rooms that name, write or draw a result and decide none; they count by nothing."""

INSTALLED = {"site-packages", "dist-packages"}

NAMES_ONLY = "goldpan"
"""A package whose own file only gives names to what lies in its modules; it counts as empty."""


def code_digest(names: Iterable[str]) -> str:
    """Hexadecimal digits that change if the code behind the dotted names does.

    They are empty, for unknown, if one of the names lies in no module that can be found here.
    """
    return _code_digest(frozenset(names))


@cache
def _code_digest(names: frozenset[str]) -> str:
    if any(_spec(name.partition(".")[0]) is None for name in names):
        return ""
    memory = recall(MEMORY)
    known = dict(memory)
    digests: dict[str, str] = {}
    waiting = [file for name in names for file in modules(name).items()]
    while waiting:
        module, path = waiting.pop()
        if module in digests or any(f"{module}.".startswith(f"{room}.") for room in ONLY_WRITE):
            continue
        digests[module], imports = _read(module, path, memory)
        waiting += [file for name in imports for file in modules(name).items()]
    if memory != known:
        remember(MEMORY, memory)
    text = "\n".join(f"{module} {digests[module]}" for module in sorted(digests))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


@cache
def modules(dotted: str) -> dict[str, Path]:
    """The file of the module that a dotted name lies in and of each package above, by module.

    A library has none.
    """
    name, *rest = dotted.split(".")
    spec = _spec(name)
    if spec is None or is_library(name):
        return {}
    if not spec.submodule_search_locations:
        return {name: Path(spec.origin)} if spec.origin else {}
    folder, found = Path(next(iter(spec.submodule_search_locations))), dict[str, Path]()
    for part in [*rest, ""]:
        if (package := folder / "__init__.py").is_file():
            found[name] = package
        name += f".{part}"
        if part and (module := folder / f"{part}.py").is_file():
            return found | {name: module}
        folder /= part
    return found


@cache
def _spec(name: str) -> ModuleSpec | None:
    """Where a module at the top lies; it is not imported."""
    try:
        return find_spec(name)
    except (ImportError, ValueError):  # ValueError: it runs and has no spec, such as __main__
        return None


def is_library(name: str) -> bool:
    """Whether a module comes with Python or was installed; goldpan never counts as installed."""
    spec = _spec(name)
    places = [*(spec.submodule_search_locations or ()), spec.origin or ""] if spec else []
    installed = any(INSTALLED & {*Path(place).parts} for place in places)
    return name != "goldpan" and (name in sys.stdlib_module_names or installed)


def _read(module: str, path: Path, memory: dict[str, Any]) -> tuple[str, list[str]]:
    """The digest of a module's code, and the names that it imports; from memory if it can be."""
    key, now = f"{module} {path}", stamp(path.stat())
    if key not in memory or memory[key][0] != now:
        source = b"" if module == NAMES_ONLY else path.read_bytes()
        try:
            tree = ast.parse(source)
        except SyntaxError:  # the run itself will say so
            memory[key] = [now, hashlib.sha256(source).hexdigest(), []]
        else:
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            text = repr(_plain(tree))
            imports = sorted({*_imports(tree, package)})
            memory[key] = [now, hashlib.sha256(text.encode()).hexdigest(), imports]
    return memory[key][1], memory[key][2]


def _plain(node: Any) -> Any:
    """A syntax tree as tuples, without empty fields: Python's versions differ in which there are.

    Statements that are a text alone, such as docstrings, are left out.
    """
    if isinstance(node, list):
        return [_plain(item) for item in node if not _is_text(item)]
    if not isinstance(node, ast.AST):
        return node
    values = ((name, getattr(node, name, None)) for name in node._fields)
    return (
        type(node).__name__,
        *((name, _plain(value)) for name, value in values if value is not None and value != []),
    )


def _is_text(node: Any) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    """The dotted names that code imports, wherever it does, but for types alone."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        whole = ".".join([*above, *([node.module] if node.module else [])])
        yield from (f"{whole}.{alias.name}" for alias in node.names)
    for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    children = node.orelse if for_types else ast.iter_child_nodes(node)  # type: ignore[attr-defined]
    for child in children:
        yield from _imports(child, package)
