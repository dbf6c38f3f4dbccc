"""Which keywords a function takes, read from its source: importing torch would take seconds."""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

HOMES = {"wandb.init": "wandb.sdk.wandb_init.init"}
"""Functions that a package hands on by an assignment, and where they are defined."""


@dataclass(frozen=True)
class Signature:
    """The `names` of a function's parameters.

    `positional` ones may be given by a caller without a name, `required` have no default, and
    `free` says whether it takes any other keyword.
    """

    names: tuple[str, ...]
    positional: tuple[str, ...]
    required: frozenset[str]
    free: bool


@cache
def find_signature(target: str) -> Signature | None:
    """The signature of a dotted name; None if its source does not tell.

    Raises:
        LookupError: if there is no such module, or it defines no such name.
    """
    parts = HOMES.get(target, target).split(".")
    path, rest = _find_module(parts)
    if path is None:
        return None
    if not rest:
        raise LookupError(f"{target} is a module; name a function or class in it")
    if len(rest) > 1:
        if not any(rest[0] in _names_of(node) for node in _statements(_parse(path))):
            raise LookupError(f"there is no {rest[0]} in {'.'.join(parts[: -len(rest)])}")
        return None  # such as a method of a class
    return _signature(path, rest[0], target)


def public_names(target: str) -> list[str]:
    """The names that the module of a dotted name defines or imports."""
    path, _ = _find_module(HOMES.get(target, target).split("."))
    return [] if path is None else [n for node in _parse(path).body for n in _names_of(node)]


def _find_module(parts: list[str]) -> tuple[Path | None, list[str]]:
    """The file of the innermost module that a dotted name begins with, and what is left of it."""
    try:
        spec = importlib.util.find_spec(parts[0])
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise LookupError(f"there is no module {parts[0]}")
    places = list(spec.submodule_search_locations or ())
    if not places:
        source = spec.origin if spec.origin and spec.origin.endswith(".py") else None
        return (Path(source) if source else None), parts[1:]
    here, rest = Path(places[0]), parts[1:]
    while rest:
        if (here / rest[0]).is_dir():
            here, rest = here / rest[0], rest[1:]
        elif (here / f"{rest[0]}.py").exists():
            return here / f"{rest[0]}.py", rest[1:]
        else:
            break
    init = here / "__init__.py"
    return (init if init.exists() else None), rest


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _signature(path: Path, name: str, target: str) -> Signature | None:
    for node in _statements(_parse(path)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return None if _changed(node) else _of_arguments(node.args, skip=0)
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _of_class(node, path)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _imported(node, alias.name, path, target)
        if name in _names_of(node):
            return _of_partial(node, path)
    names = {name for node in _statements(_parse(path)) for name in _names_of(node)}
    if names & {"__getattr__", "*"}:
        return None
    raise LookupError(f"{target} does not exist")


def _of_partial(node: ast.stmt, path: Path) -> Signature | None:
    """The signature of `name = partial(function, keyword=value)`; None of another statement."""
    match node:
        case ast.Assign(value=ast.Call(func=ast.Name("partial"), args=[ast.Name(of)]) as call):
            whole = _signature(path, of, of)
            bound = {word.arg for word in call.keywords}  # a partial's caller may set them anew
            return whole and replace(whole, required=whole.required - bound)
    return None


def _imported(node: ast.ImportFrom, name: str, path: Path, target: str) -> Signature | None:
    """The signature of what a module imports from another one."""
    if node.level:
        package = path.parent
        for _ in range(node.level - 1):
            package = package.parent
        inner = package.joinpath(*(node.module or "").split("."))
        file = inner / "__init__.py" if inner.is_dir() else inner.with_suffix(".py")
        return _signature(file, name, target) if file.exists() else None
    try:
        return find_signature(f"{node.module}.{name}")
    except LookupError:
        return None


def _of_class(node: ast.ClassDef, path: Path) -> Signature | None:
    """The signature of `__init__`; keywords that it only hands on are those of its base class."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            own = _of_arguments(item.args, skip=1)
            base = _of_base(node, path) if own.free else None
            if base is None:
                return own
            names = tuple(dict.fromkeys([*own.names, *base.names]))
            return replace(own, names=names, free=base.free)
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        fields = [
            item
            for item in node.body
            if isinstance(item, ast.AnnAssign) and "ClassVar" not in ast.unparse(item.annotation)
        ]
        names = tuple(ast.unparse(item.target) for item in fields)
        required = frozenset(ast.unparse(item.target) for item in fields if item.value is None)
        return Signature(names, names, required, free=False)
    return _of_base(node, path) if node.bases else Signature((), (), frozenset(), free=False)


def _of_base(node: ast.ClassDef, path: Path) -> Signature | None:
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id not in ("ABC", "Protocol", "object"):
            try:
                return _signature(path, base.id, base.id)
            except LookupError:
                return None
    return None


def _of_arguments(arguments: ast.arguments, skip: int) -> Signature:
    positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)][skip:]
    keyword = [a.arg for a in arguments.kwonlyargs]
    optional = set(
        positional[len(positional) - len(arguments.defaults) :] if arguments.defaults else ()
    )
    optional |= {a for a, given in zip(keyword, arguments.kw_defaults, strict=True) if given}
    names = (*positional, *keyword)
    required = frozenset(name for name in names if name not in optional)
    return Signature(names, tuple(positional), required, free=arguments.kwarg is not None)


def _changed(node: ast.FunctionDef) -> bool:
    """Whether a decorator may change what the function takes."""
    harmless = ("torch.no_grad", "no_grad", "functools.cache", "cache", "contextmanager")
    return any(ast.unparse(d).split("(")[0] not in harmless for d in node.decorator_list)


def _statements(module: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module, those under if and try included."""
    waiting = list(module.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if isinstance(node, ast.If | ast.Try):
            waiting += [*node.body, *node.orelse]
            for handler in getattr(node, "handlers", ()):  # such as of an ImportError
                waiting += handler.body


def _names_of(node: ast.stmt) -> set[str]:
    """The names that a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    if isinstance(node, ast.Assign):
        return {name.id for t in node.targets for name in ast.walk(t) if isinstance(name, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return set()
