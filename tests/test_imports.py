"""Imports run one way: a paper's file must run in a notebook with torch alone."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/goldpan"
LEVELS = (
    (
        "layers",
        "duration",
        "record",
        "identity",
        "provenance",
        "choices",
        "channel_figures",
        "stream",
        "files",
        "pictures",
        "bands",
    ),
    ("masks", "models"),
    ("types", "gradients", "cost", "checkpoint", "channels", "coupling", "following"),
    (
        "scorers",
        "allocation",
        "schedules",
        "penalties",
        "rounds",
        "surgery",
        "compaction",
        "liveness",
        "export",
        "thinning",
        "latency",
    ),
    ("data", "systems", "callbacks"),
    ("panning",),
    ("procedures", "experiment"),
    ("sweeps", "tables"),
    (
        "report",
        "figures",
        "channel_report",
        "tallies",
        "counting",
        "layouts",
        "table_figures",
        "table_report",
        "table_command",
        "verification",
        "table_page",
        "table_contents",
        "dashboard",
    ),
)
LEVEL = {part: level for level, parts in enumerate(LEVELS) for part in parts}
ONLY_FROM = {"pytorch_lightning": 4, "hydra": 6, "wandb": 6}
PANNING = ("gymnasium", "stable_baselines3")


def imported(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize(
    "path", sorted(p for p in SOURCE.rglob("*.py") if p.name != "__init__.py"), ids=str
)
def test_imports_run_one_way(path: Path) -> None:
    level = LEVEL[path.relative_to(SOURCE).parts[0].removesuffix(".py")]
    for name in imported(path):
        package, *rest = name.split(".")
        if package == "goldpan":
            assert LEVEL[rest[0]] <= level, f"{name} stands above {path.name}"
        assert ONLY_FROM.get(package, 0) <= level, f"{path.name} may not import {package}"
        assert package not in PANNING or path.parent.name == "panning"


def test_init_files_are_empty() -> None:
    assert all(path.read_text() == "" for path in SOURCE.rglob("__init__.py"))


def test_a_report_and_a_record_need_no_torch() -> None:
    for name in ("record", "identity"):
        assert "torch" not in imported(SOURCE / f"{name}.py")
