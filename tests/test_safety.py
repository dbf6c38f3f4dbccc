"""No file that goldpan reads may run code, so none is unpickled but by torch's safe reader."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
FORBIDDEN = {"pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load", "dill.load"}
SAFE = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
"""Readers that are safe with this argument."""


def calls(path: Path) -> list[tuple[str, dict[str | None, str], int]]:
    """Every call in a file: what is called, its named arguments, and the line."""
    return [
        (
            ast.unparse(node.func),
            {word.arg: ast.unparse(word.value) for word in node.keywords},
            node.lineno,
        )
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.stem)
def test_nothing_is_unpickled_but_weights(path: Path) -> None:
    for name, arguments, line in calls(path):
        assert name not in FORBIDDEN, f"{path}:{line}"
        if name in SAFE:
            argument, value = SAFE[name]
            assert arguments.get(argument) == str(value), f"{path}:{line}"
        if name.endswith((".submission", ".fit")) and "trainer" in name:
            assert arguments.get("weights_only") == "True", f"{path}:{line}"
        assert not name.endswith((".submission", ".results")), f"{path}:{line}"
