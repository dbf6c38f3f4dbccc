"""Imports run one way, from room to room, so that a paper's file runs in a notebook with torch.

A room is a folder of src/goldpan, or a file at its top. Imports inside functions and those for
types alone count too: who reads the code follows them as well.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE, PAGE = ROOT / "src/goldpan", ROOT / "docs/tree.md"

FLOORS = (
    ("differences", "duration", "families", "files", "layers", "losses", "predictions", "stream"),
    ("bounds", "choices", "masks", "models", "pictures"),
    ("runs", "types"),
    ("allocation", "data", "gradients", "rounds", "schedules"),
    ("activations", "paths", "regrowth"),
    ("cost", "firing", "penalties", "scorers"),
    ("channels",),
    ("training",),
    ("panning",),
    ("procedures",),
    ("sweeps",),
    ("reports",),
    ("api", "command", "report"),
)
"""Every room stands above those that it imports; a new file at the top needs a place here."""

FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

ONLY_IN = {
    "gymnasium": {"panning"},
    "stable_baselines3": {"panning"},
    "pytorch_lightning": {"data", "training", "panning", "procedures", "sweeps"},
    "hydra": {"runs", "procedures", "sweeps", "reports", "api", "command"},
    "wandb": {"procedures", "sweeps", "reports"},
}
"""Libraries that are known in these rooms alone."""

MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts): path
    for path in sorted(SOURCE.rglob("*.py"))
    if path.name != "__init__.py"
}


def imported(module: str) -> set[str]:
    """The dotted names that a module imports, goldpan's without "goldpan."."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            whole = f"{node.module}."
            names |= {
                whole + a.name if _is_ours(whole + a.name) else whole[:-1] for a in node.names
            }
    return {name.removeprefix("goldpan.") for name in names}


def _is_ours(name: str) -> bool:
    return name.removeprefix("goldpan.") in MODULES


def room(module: str) -> str:
    return module.split(".")[0]


def test_every_room_has_its_floor() -> None:
    assert {room(module) for module in MODULES} == FLOOR.keys()


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_what_stands_below_it(module: str) -> None:
    for name in imported(module):
        if name in MODULES and room(name) != room(module):
            assert FLOOR[room(name)] < FLOOR[room(module)], f"{name} stands above {module}"
        rooms = ONLY_IN.get(name.split(".")[0])
        assert rooms is None or room(module) in rooms, f"{module} may not import {name}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {module: imported(module) & MODULES.keys() for module in MODULES}
    while free := [module for module, needs in left.items() if not needs & left.keys()]:
        for module in free:
            del left[module]
    assert not left, f"in or above a circle: {', '.join(left)}"


def test_init_files_are_empty_but_the_one_that_names_the_library() -> None:
    assert all(path.read_text() == "" for path in SOURCE.rglob("*/__init__.py"))


def test_a_record_needs_no_torch() -> None:
    for name in ("runs.record", "runs.identity"):
        assert "torch" not in imported(name)


def arrows() -> set[tuple[str, str]]:
    """Which room imports which; an arrow that a longer way says already is left out."""
    needs: dict[str, set[str]] = {name: set() for name in FLOOR}
    for module in MODULES:
        found = {room(name) for name in imported(module) & MODULES.keys()}
        needs[room(module)] |= found - {room(module)}

    def below(name: str) -> set[str]:
        return needs[name].union(*map(below, needs[name]))

    return {
        (name, one)
        for name, ones in needs.items()
        for one in ones
        if not any(one in below(other) for other in ones - {one})
    }


def test_the_page_of_the_tree_draws_the_rooms_as_they_are() -> None:
    drawn = re.findall(r"^    (\w+) --> (\w+)$", PAGE.read_text(), re.MULTILINE)
    graph = "\n".join(f"    {name} --> {one}" for name, one in sorted(arrows()))
    assert set(drawn) == arrows(), f"the graph of docs/tree.md is to be:\n{graph}"


def test_the_glossary_names_files_that_are_there() -> None:
    text = (ROOT / "docs/glossary.md").read_text()
    named = [
        word for row in re.findall(r"\|([^|]*)\|$", text, re.MULTILINE) for word in row.split()
    ]
    places = [word.strip("`,") for word in named if word.startswith("`")]
    assert len(places) > 20
    assert not [place for place in places if not (SOURCE / place).exists()]
