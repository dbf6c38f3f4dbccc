"""Every file in conf composes and instantiates, and each partial binds its function's signature."""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from omegaconf import DictConfig

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted(path for path in CONF.glob("*/*.yaml") if path.parent.name != "pruner")
NEEDS = {"torchvision": "name=resnet18", "timm": "name=resnet10t"}
NEEDS |= {"own": "model._target_=torch.nn.Flatten"}


def partials(value: Any) -> Iterator[partial[Any]]:
    if isinstance(value, partial):
        yield value
    children = getattr(value, "keywords", getattr(value, "__dict__", {}))
    for child in children.values():
        if isinstance(child, partial):
            yield from partials(child)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_each_file_composes_instantiates_and_binds(
    path: Path, configure: Callable[..., DictConfig], agent_file: Path
) -> None:
    group, name = path.parent.name, path.stem
    needs = NEEDS | dict.fromkeys(("rl_panning", "learned"), f"agent={agent_file}")
    plus = "+" if group == "table" else ""  # no run has one unless it is asked for
    cfg = configure(f"{plus}{group}={name}", *([needs[name]] if name in needs else []))
    parts = instantiate(cfg.method.penalty if group == "penalty" else cfg[group])
    values = parts.values() if isinstance(parts, dict | DictConfig) else [parts]
    for value in values:
        for bound in partials(value):
            inspect.signature(bound.func).bind_partial(*bound.args, **bound.keywords)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_each_file_opens_with_a_comment_and_a_command(path: Path) -> None:
    head = []
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        head.append(line)
    assert head
    if path.parent.name not in ("procedure",):
        assert any("python run.py" in line for line in head), "no command in the opening comment"
