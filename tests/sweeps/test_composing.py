"""Cells are what Hydra composes of their command lines, however few of them it is asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf, open_dict

from goldpan.runs import experiment
from goldpan.runs.experiment import plan_run, settle_sparsity
from goldpan.sweeps import composing
from goldpan.sweeps.cells import Cell, plan

CONF = Path(__file__).parents[2] / "conf"
FEW = ("digits", "renda_resnet20_cifar10", "rni_vgg16_cifar10", "snip_lenet_300_100_mnist_code")
"""Tables of every kind; the others are checked as slow."""

TABLES = sorted(path.stem for path in (CONF / "table").glob("*.yaml"))


@pytest.fixture(autouse=True)
def any_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept choices that no run may have: what Hydra makes of them counts here."""
    for name in ("check_choices", "check_groups"):
        monkeypatch.setattr(experiment, name, lambda choices: None)


def check(cell: Cell) -> None:
    """Assert that the cell is what Hydra makes of its command line, alone."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("run", [*cell.overrides, "hydra.mode=RUN"], return_hydra_config=True)
    groups = dict(cfg.hydra.runtime.choices)
    with open_dict(cfg):
        del cfg["hydra"]
    if cfg.method.pruner is None and "channels" not in cfg.method:
        cfg.sparsity = 0.0
    elif "levels" in cfg.procedure:
        cfg = settle_sparsity(cfg)  # tests/runs/test_levels.py has its numbers
    expected: Any = OmegaConf.to_container(cfg, resolve=True)
    assert cell.choices == expected
    draft, folder = plan_run(expected, groups, cell.overrides)
    ours, theirs = cell.draft.identity, draft.identity
    assert (ours.id, ours.method, cell.folder) == (theirs.id, theirs.method, folder)


@pytest.mark.parametrize(
    "table",
    [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in TABLES],
)
def test_cells_of_a_table(table: str) -> None:
    params = OmegaConf.load(CONF / f"table/{table}.yaml").hydra.sweeper.params
    axes = {name: str(values).split(",") for name, values in params.items()}
    axes["method"] = axes["method"][-1:]
    typed = [f"{name}={','.join(values[:2])}" for name, values in axes.items()]
    *_, last = plan([f"+table={table}", *typed], CONF).cells
    check(last)


@pytest.mark.parametrize(
    "typed",
    [
        ["method=dense,snip", "sparsity=0.9,0.50"],
        ["method=panning", "policy=uniform,random", "seed=1,2"],
        ["method.pruner.rounds=1,3", "+recipe.novelty=1,x", "seed=0"],
        ["recipe.batch_size=64,128", "dataset.validation=0.1,0.2", "controls.shuffle=true,false"],
        ["model=timm", "name='a b','it\\'s',null", "~progress"],
        [
            "+method.pruner={rounds:2}",
            "+method.pruner.extra={a:1},[2,3]",
            "schedule.target=0.5,0.6",
        ],
        ["method=slimming", "recipe.epochs=3,4", "dataset.seed=5,6"],
        ["method.pruner=null", "sparsity=0.9,0.5"],
        ["+note='run-${seed}'", "+copy=${sparsity}", "seed=0,1", "sparsity=0.5,0.6"],
        ["++recipe.epochs=range(1,3)", "output=here,there"],
    ],
    ids=str,
)
def test_cells_of_what_was_typed(typed: Sequence[str]) -> None:
    for cell in plan(typed, CONF).cells:
        check(cell)


def test_a_checkpoint_and_an_agent_are_named_by_what_they_hold(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    files = f"{tmp_path / 'a'},{tmp_path / 'b'}"
    cells = plan(["method=rl_panning", f"agent={files}", f"checkpoint={files}"], CONF).cells
    for cell in cells:
        check(cell)
    assert len({cell.draft.identity.id for cell in cells}) == 4


def test_hydra_is_asked_once_for_cells_that_differ_by_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, compose_one = list[Sequence[str]](), composing.compose_one

    def count(overrides: Sequence[str], always: Sequence[str]) -> Any:
        asked.append(overrides)
        return compose_one(overrides, always)

    monkeypatch.setattr(composing, "compose_one", count)
    typed = ["method=dense,grasp", "sparsity=0.8,0.9", "seed=range(0,10)", "+x=1,2"]
    assert len(plan(typed, CONF).cells) == 80
    assert len(asked) == 2
