"""Whole runs with Panning and with its agent, from configuration to record."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from goldpan.panning.agent import Agent, read_agent
from goldpan.panning.env import PanningEnv
from goldpan.procedures.panning_setup import PanningSetup
from goldpan.runs.experiment import run
from goldpan.runs.identity import identity
from goldpan.runs.record import Record, read_record
from goldpan.runs.refusal import Refusal

ROOT = Path(__file__).parents[2]
NAMES = ("synflow", "snip", "grasp")
SHORT = (
    "recipe.epochs=1",
    "dataset.limit=300",
    "method.pruner.rounds=4",
    "method.pruner.watch=2",
    "method.pruner.sampling.per_class=2",
)
LEARN = (
    "procedure=agent",
    "procedure.steps=30",
    "procedure.every=12",
    "procedure.targets=[0.5,0.9]",
    "procedure.learner.hidden=[8,8]",
    "procedure.learner.learning_starts=10",
    "procedure.learner.batch_size=8",
)
Configure = Callable[..., DictConfig]


def do(configure: Configure, *overrides: str) -> Record:
    groups = {"dataset": "digits", "model": "lenet_300_100", "recipe": "quick"}
    groups |= {"method": "panning"}
    groups |= dict(text.split("=") for text in overrides if text.split("=")[0] in groups)
    pans = groups["method"] in ("panning", "rl_panning")
    short = [text for text in SHORT if pans or "pruner" not in text]
    chosen = [f"{group}={groups[group]}" for group in ("model", "method")]
    chosen += [*short, *(text for text in overrides if text not in chosen)]
    return run(configure(*chosen), groups, chosen)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def files(tmp_path: Path) -> set[str]:
    """Of the one run."""
    (record,) = tmp_path.rglob("record.json")
    return {path.name for path in record.parent.iterdir()}


@pytest.fixture(scope="module")
def some_agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agent of random weights, in a file."""
    path = tmp_path_factory.mktemp("agent") / "agent.pt"
    torch.manual_seed(0)
    layers = (torch.nn.Linear(7, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3), torch.nn.Tanh())
    Agent(torch.nn.Sequential(*layers).state_dict(), NAMES).write(path)
    return path


def test_panning_leaves_its_rounds_its_forces_and_their_pictures(
    configure: Configure, tmp_path: Path
) -> None:
    record = do(configure, "sparsity=0.8")
    assert record.status == "finished"
    assert record.sparsity is not None
    assert record.sparsity.got == pytest.approx(0.8, abs=1e-3)
    assert {"panning.csv", "panning.png", "force.json", "force.png"} <= files(tmp_path)
    (path,) = tmp_path.rglob("panning.csv")
    rows = table(path)
    assert [int(row["round"]) for row in rows] == [1, 2, 3, 4]
    assert [row["weight/snip"] for row in rows] == ["0.5"] * 4
    assert [row["transfer/snip"] != "" for row in rows] == [False, True, False, True]
    assert float(rows[-1]["sparsity"]) == pytest.approx(record.sparsity.got)
    looks = json.loads((path.parent / "force.json").read_text())
    assert [look["round"] for look in looks] == [0, 2, 4]


@pytest.mark.slow
def test_a_run_may_note_losses_and_live_paths_too(configure: Configure, tmp_path: Path) -> None:
    plain = do(configure, "sparsity=0.8", f"output={tmp_path}/plain")
    looking = do(configure, "sparsity=0.8", "method.pruner.look=true", f"output={tmp_path}/look")
    (path,) = tmp_path.glob("look/*/panning.csv")
    assert all(float(row["reward"]) <= 0 for row in table(path))
    assert looking.weights.masks == plain.weights.masks


@pytest.mark.parametrize(
    "overrides",
    [
        ("policy=single", "policy.index=snip"),
        ("method.pruner.watch=9",),
        ("sparsity=0",),
        pytest.param(("policy=uniform",), marks=pytest.mark.slow),
        pytest.param(("policy=random",), marks=pytest.mark.slow),
        ("policy=uniform", "method.pruner.indices=[magnitude,force,snip,synflow]"),
        ("method.pruner.form=product", "policy.weights=[[1,1,1],[1,1,1],[1,1,1],[1,0,1],[1,0,1]]"),
        ("method.pruner.watch=0",),
        pytest.param(("method.pruner.watch=1",), marks=pytest.mark.slow),
        pytest.param(("method.pruner.mask_aware=true",), marks=pytest.mark.slow),
        pytest.param(("method.pruner.sampling.batches=2",), marks=pytest.mark.slow),
        pytest.param(("controls.invert=true",), marks=pytest.mark.slow),
    ],
    ids=",".join,
)
def test_every_way_of_panning_finishes(configure: Configure, overrides: tuple[str, ...]) -> None:
    sparsity = () if "sparsity=0" in overrides else ("sparsity=0.5",)
    assert do(configure, *sparsity, *overrides).status in ("finished", "collapsed")


def test_a_collapse_is_a_result(configure: Configure, tmp_path: Path) -> None:
    """Of 50,200 weights one is kept."""
    record = do(configure, "sparsity=0.99998", "policy=random")
    assert record.status == "collapsed"
    assert record.sparsity is not None
    assert record.sparsity.effective == 1
    assert "panning.csv" in files(tmp_path)


@pytest.mark.slow
def test_the_same_run_twice_cuts_the_same_weights(configure: Configure, tmp_path: Path) -> None:
    one = do(configure, "sparsity=0.8", f"output={tmp_path}/one")
    two = do(configure, "sparsity=0.8", f"output={tmp_path}/two")
    other = do(configure, "sparsity=0.8", "seed=1", f"output={tmp_path}/other")
    assert one.identity.id == two.identity.id
    assert (one.weights.masks, one.ranks) == (two.weights.masks, two.ranks)
    assert one.weights.masks != other.weights.masks


def test_an_agent_is_trained_on_one_network_and_prunes_another(
    configure: Configure, tmp_path: Path
) -> None:
    record = do(configure, *LEARN, f"output={tmp_path}/train")
    assert record.status == "finished"
    assert set(record.agent.returns) == {"agent", "staircase", "uniform", "random"}
    assert all(set(row) == {"0.5", "0.9"} for row in record.agent.returns.values())
    assert all(value <= 0 for row in record.agent.returns.values() for value in row.values())
    (path,) = tmp_path.glob("train/*/agent.pt")
    left = {file.name for file in path.parent.iterdir()}
    assert {"learning.png", "episodes.csv", "evaluations.csv", "record.json"} <= left
    assert "last.ckpt" not in left
    assert read_record(path.parent / "record.json") == record
    agent = read_agent(path)
    assert tuple(agent.indices) == NAMES
    assert agent.trained_on["run"] == record.identity.id
    assert {"steps": 30, "rounds": 4, "seed": 0}.items() <= agent.trained_on.items()

    other = ("method=rl_panning", "model=vgg11", "model.width=0.05", f"agent={path}")
    applied = do(configure, *other, "sparsity=0.7", f"output={tmp_path}/apply")
    assert applied.status == "finished"
    assert applied.sparsity.got == pytest.approx(0.7, abs=1e-3)  # type: ignore[union-attr]
    assert (
        str(tmp_path)
        not in json.dumps(applied.identity.choices)
        + applied.identity.method
        + applied.identity.setting
    )
    (rows,) = tmp_path.glob("apply/*/panning.csv")
    assert "reward" in table(rows)[0]
    assert len({row["weight/snip"] for row in table(rows)}) > 1


def test_the_agents_return_is_that_of_a_run_with_it(configure: Configure, tmp_path: Path) -> None:
    """On the same network, with the same seed: an evaluation is the episode that the run plays."""
    record = do(configure, *LEARN, f"output={tmp_path}/train")
    (path,) = tmp_path.glob("train/*/agent.pt")
    options = ("method=rl_panning", f"agent={path}", "sparsity=0.9", f"output={tmp_path}/apply")
    do(configure, *options)
    (rows,) = tmp_path.glob("apply/*/panning.csv")
    total = sum(float(row["reward"]) for row in table(rows))
    assert record.agent.returns["agent"]["0.9"] == pytest.approx(total, rel=1e-6)


COMPARE = ("procedure=compare_policies", "procedure.episodes=2", "procedure.targets=[0.5,0.9]")


def test_policies_are_compared_on_the_same_batches(configure: Configure, tmp_path: Path) -> None:
    learned = do(configure, *LEARN, f"output={tmp_path}/train")
    (path,) = tmp_path.glob("train/*/agent.pt")
    options = ("method=rl_panning", f"agent={path}", f"output={tmp_path}/compare")
    record = do(configure, *COMPARE, *options)
    assert set(record.agent.returns) == {"learned", "staircase", "uniform", "random"}
    assert record.agent.episodes == 2
    (folder,) = (path.parent for path in tmp_path.glob("compare/*/record.json"))
    assert read_record(folder / "record.json") == record
    assert (folder / "returns.png").exists()
    episodes = table(folder / "episodes.csv")
    assert len(episodes) == 4 * 2 * 2
    # The first episode sees the batches of the training's own evaluations.
    first = {(row["policy"], row["target"]): row for row in episodes if row["episode"] == "0"}
    for policy, known in (("learned", "agent"), ("random", "random"), ("uniform", "uniform")):
        for target in ("0.5", "0.9"):
            got = float(first[policy, target]["reward"])
            assert got == pytest.approx(learned.agent.returns[known][target], rel=1e-6)
    for row in episodes:
        parts = sum(float(row[name]) for name in row if name.startswith("reward/"))
        assert float(row["reward"]) == pytest.approx(parts)
    for row in table(folder / "differences.csv"):
        target = row["target"]
        returns = record.agent.returns
        less = returns["learned"][target] - returns[row["less"]][target]
        assert float(row["mean"]) == pytest.approx(less)
        assert float(row["low"]) < less < float(row["high"])


def test_a_comparison_cut_short_goes_on(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = do(configure, *COMPARE, f"output={tmp_path}/whole")
    rollout, played = PanningSetup.rollout, list[Any]()

    def fail(setup: PanningSetup, *given: Any) -> Any:
        played.append(given)
        if len(played) == 4:
            raise RuntimeError("out of luck")
        return rollout(setup, *given)

    monkeypatch.setattr(PanningSetup, "rollout", fail)
    output = f"output={tmp_path}/cut"
    with pytest.raises(RuntimeError, match="out of luck"):
        do(configure, *COMPARE, output)
    record = do(configure, *COMPARE, output)
    assert record.agent.returns == whole.agent.returns
    assert len(played) == 1 + 3 * 2 * 2  # the failed one was played again, no other


def test_a_training_that_fails_goes_on_and_ends_like_an_undisturbed_one(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = do(configure, *LEARN, f"output={tmp_path}/whole")
    step = PanningEnv.step

    def fail(env: PanningEnv, action: Any) -> Any:
        if env.steps == 20:
            raise RuntimeError("out of luck")
        return step(env, action)

    with monkeypatch.context() as patched:
        patched.setattr(PanningEnv, "step", fail)
        with pytest.raises(RuntimeError, match="out of luck"):
            do(configure, *LEARN, f"output={tmp_path}/cut")
    (checkpoint,) = tmp_path.glob("cut/*/last.ckpt")
    assert torch.load(checkpoint, weights_only=True)["counts"][0] >= 12
    resumed = do(configure, *LEARN, f"output={tmp_path}/cut")
    assert resumed.agent.returns == whole.agent.returns
    (one,), (other,) = (tmp_path.glob(f"{name}/*/agent.pt") for name in ("whole", "cut"))
    expected = read_agent(one).actor
    assert all(torch.equal(expected[n], v) for n, v in read_agent(other).actor.items())
    for name in ("episodes.csv", "evaluations.csv"):
        assert (one.parent / name).read_text() == (other.parent / name).read_text()


@pytest.mark.slow
def test_a_killed_training_of_an_agent_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    options = [
        *SHORT,
        *LEARN,
        "method=panning",
        "model=lenet_300_100",
        "procedure.steps=200",
        "logger=none",
        "strategy.threads=1",
    ]

    def command(name: str) -> list[str]:
        return [sys.executable, str(ROOT / "run.py"), f"output={tmp_path}/{name}", *options]

    running = subprocess.Popen(
        command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline, counted = time.monotonic() + 90, 0
    while counted < 50 and time.monotonic() < deadline:
        time.sleep(0.05)
        for path in tmp_path.glob("killed/*/last.ckpt"):
            counted = torch.load(path, weights_only=True)["counts"][0]
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    environment = {key: value for key, value in os.environ.items() if "RANK" not in key}
    for name in ("killed", "whole"):
        done = subprocess.run(
            command(name), env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
    (killed,), (whole,) = (tmp_path.glob(f"{name}/*/record.json") for name in ("killed", "whole"))
    assert read_record(killed).agent.returns == read_record(whole).agent.returns
    for name in ("episodes.csv", "evaluations.csv"):
        assert (killed.parent / name).read_text() == (whole.parent / name).read_text()


def choices(configure: Configure, agent: Path | str) -> dict[str, Any]:
    cfg = configure("method=rl_panning", f"agent={agent}")
    found: Any = OmegaConf.to_container(cfg, resolve=True)
    return {str(name): value for name, value in found.items()}


def test_what_an_agents_file_holds_tells_runs_apart_and_not_where_it_lies(
    configure: Configure, some_agent: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere" / "copy.pt"
    copy.parent.mkdir()
    shutil.copy(some_agent, copy)
    first = identity(choices(configure, some_agent))
    assert identity(choices(configure, copy)) == first
    other = read_agent(some_agent)
    changed = {name: value + 1 for name, value in other.actor.items()}
    Agent(changed, other.indices).write(copy)
    assert identity(choices(configure, copy)) != first


def test_an_agents_path_counts_alike_however_it_is_spelt(
    configure: Configure, some_agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(some_agent.parent)
    first = identity(choices(configure, some_agent))
    for spelt in ("agent.pt", "./agent.pt", f"{some_agent.parent}//agent.pt"):
        assert identity(choices(configure, spelt)) == first, spelt


def test_a_record_does_not_say_where_the_agent_lay(
    configure: Configure, some_agent: Path, tmp_path: Path
) -> None:
    path = f"{some_agent.parent}//agent.pt"
    record = do(configure, "method=rl_panning", f"agent={path}", "sparsity=0.5")
    assert " agent=agent.pt@" in record.identity.method
    (kept,) = tmp_path.rglob("record.json")
    assert str(some_agent.parent) not in kept.read_text()


def test_runs_without_an_agent_are_what_they_were_before_there_were_agents(
    configure: Configure,
) -> None:
    found: Any = OmegaConf.to_container(configure("method=snip"), resolve=True)
    before = {name: value for name, value in found.items() if name not in ("agent", "policy")}
    assert identity(found) == identity(before)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["method.pruner.indices=[synflow,snap]"], "method.pruner.indices is a list"),
        (["method.pruner.indices=[snip,snip]", "policy=uniform"], "one or more different scorers"),
        (
            ["method.pruner.indices=[synflow,snip]"],
            "has a weight for each of synflow, snip, not all",
        ),
        (["policy.weights=[[1,1,1]]"], "has a row for each of 5 stages, one more than"),
        (["policy.weights=[[0,0,0],[1,1,1],[1,1,1],[1,1,1],[1,1,1]]"], "not all 0; got [0, 0, 0]"),
        (["policy.stairs=[0.9,0.8,0.98,0.99]"], "stairs rise; got [0.9, 0.8, 0.98, 0.99]"),
        (["policy=single", "policy.index=snap"], "policy.index is force, grasp, magnitude"),
        (["method.pruner.rounds=0"], "got 0"),
        (["method.pruner.watch=-1"], "watch is a whole number from 0 on; got -1"),
        (["method.pruner.form=mean"], "form is sum or product; got mean"),
        (["method.pruner.sampling.per_class=500"], "500"),
        (["method=rl_panning"], "needs a trained agent: agent=FILE"),
        (["method=rl_panning", "agent=nowhere.pt"], "nowhere.pt"),
        (
            ["method=rl_panning", "agent=AGENT", "method.pruner.indices=[snip,grasp]"],
            "the agent we",
        ),
        (
            [*COMPARE, "method=snip"],
            "procedure=compare_policies is for panning; choose method=panning or method=rl_panning",
        ),
        ([*LEARN, "method=snip"], "procedure=agent is for panning; choose method=pan"),
        (
            [*LEARN, "method=dense"],
            "procedure=agent is for panning; choose method=pan",
        ),
        ([*LEARN, "procedure.steps=0"], "procedure.steps is a whole number from 1 on; got 0"),
        ([*LEARN, "procedure.targets=[]"], "procedure.targets is a list of at least 1"),
        ([*LEARN, "procedure.targets=[1.0]"], "each a number in [0, 1); got [1.0]"),
        ([*LEARN, "procedure.environment.targets=[]"], "environment.targets"),
        ([*LEARN, "procedure.environment.targets=[[0.9,1.5]]"], "environment.targets"),
        ([*LEARN, "method.pruner.form=mean"], "form is sum or product; got mean"),
        ([*LEARN, "method.pruner.rounds=0"], "got 0"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_bad_input_is_refused_in_a_sentence(
    overrides: list[str],
    sentence: str,
    configure: Configure,
    some_agent: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(Refusal) as refused:
        do(configure, *[text.replace("AGENT", str(some_agent)) for text in overrides])
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.rglob("record.json"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_an_agent_on_a_gpu_that_is_not_there_is_refused(configure: Configure) -> None:
    with pytest.raises(Refusal, match="the strategy needs a GPU"):
        do(configure, *LEARN, "strategy=gpu")
