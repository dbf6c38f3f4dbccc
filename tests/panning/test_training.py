from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from gymnasium.spaces import Box
from omegaconf import DictConfig
from stable_baselines3 import TD3
from torch import Tensor, nn

from goldpan.layers.masked import MaskedConv2d, MaskedLinear
from goldpan.panning.agent import Agent, Learned
from goldpan.panning.env import PanningEnv
from goldpan.panning.indices import find_indices
from goldpan.panning.rollout import episode_return, pan
from goldpan.panning.screening import Row, Screening
from goldpan.panning.training import actor_weights, build_learner, train_agent
from goldpan.types import Batch

NAMES = ("synflow", "snip", "grasp")
SMALL = {
    "hidden": [8, 8],
    "learning_rate": 1e-3,
    "gamma": 0.99,
    "tau": 0.01,
    "batch_size": 8,
    "buffer_size": 1000,
    "learning_starts": 10,
    "policy_delay": 2,
    "target_policy_noise": 0.2,
    "target_noise_clip": 0.5,
    "exploration": 0.1,
}


class Bandit(gymnasium.Env[Any, Any]):
    """One step, one action, reward -(a - 0.3)^2."""

    indices = ("alone",)
    observation_space = Box(0, 1, (7,), np.float32)
    action_space = Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros(7, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = -float((action[0] - 0.3) ** 2)
        return np.zeros(7, np.float32), reward, True, False, {"target": 0.0, "reward": reward}

    def state_dict(self) -> dict[str, Any]:
        return {}


def configured(configure: Callable[..., DictConfig]) -> Mapping[str, Any]:
    learner: Mapping[str, Any] = configure("procedure=agent", "method=panning").procedure.learner
    return learner


def test_td3_has_the_numbers_of_the_authors(configure: Callable[..., DictConfig]) -> None:
    learner = build_learner(Bandit(), configured(configure), 50_000, 0)  # type: ignore[arg-type]
    assert (learner.gamma, learner.tau, learner.batch_size) == (0.99, 0.01, 256)
    assert (learner.target_policy_noise, learner.target_noise_clip) == (0.2, 0.5)
    assert (learner.policy_delay, learner.learning_starts) == (2, 2000)
    assert learner.gradient_steps == learner.train_freq.frequency == 1  # type: ignore[union-attr]
    assert learner.train_freq.unit.value == "step"  # type: ignore[union-attr]
    for part in (learner.actor, learner.critic):
        assert isinstance(part.optimizer, torch.optim.Adam)
        assert [group["lr"] for group in part.optimizer.param_groups] == [2e-4]
    shapes = [tuple(value.shape) for value in actor_weights(learner).values()]
    assert shapes == [(256, 7), (256,), (256, 256), (256,), (1, 256), (1,)]
    critic = [tuple(value.shape) for value in learner.critic.parameters()]
    assert critic == 2 * [(256, 8), (256,), (256, 256), (256,), (1, 256), (1,)]
    assert learner.action_noise._sigma.tolist() == [0.1]  # type: ignore[union-attr]
    assert learner.replay_buffer.buffer_size == 50_000  # type: ignore[union-attr]


def test_td3_learns_what_pays_in_a_bandit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """panning.md 1.8, test 10: from about 0 to 0.3."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    changed = {"batch_size": 64, "learning_starts": 100, "hidden": [32, 32], "learning_rate": 3e-3}
    numbers = SMALL | changed
    env = Bandit()
    learner = build_learner(env, numbers, 1000, 0)  # type: ignore[arg-type]

    def action(weights: Mapping[str, Tensor]) -> Row:
        return {"action": Agent(weights, ["alone"]).network()(torch.zeros(1, 7)).item()}

    _, evaluations = train_agent(learner, env, 1000, tmp_path / "ckpt", action, every=1000)  # type: ignore[arg-type]
    assert abs(evaluations[0]["action"] - 0.3) > 0.15
    assert evaluations[-1]["action"] == pytest.approx(0.3, abs=0.03)
    assert not [*tmp_path.glob("SB3-*")]  # where its own logger would write


@pytest.fixture
def tiny() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        MaskedConv2d(3, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        MaskedLinear(4, 5),
    )


class Cut(Exception):
    """The training is interrupted here."""


class Training:
    """One training of an agent on the network, as a process that starts anew builds it."""

    def __init__(self, net: nn.Module, draw: Callable[[int], list[Batch]], **numbers: Any) -> None:
        self.net, self.draw = net, draw
        self.indices = find_indices(NAMES)
        self.env = PanningEnv(net, self.indices, draw, F.cross_entropy, rounds=4, switch=20)
        self.learner: TD3 = build_learner(self.env, SMALL | numbers, 50, 0)
        self.evaluated: list[float] = []

    def evaluate(self, weights: Mapping[str, Tensor]) -> Row:
        screening = Screening(
            self.net, self.indices, self.draw, F.cross_entropy, sparsity=0.9, rounds=4
        )
        policy = Learned(Agent(weights, NAMES))
        return {"0.9": episode_return(pan(screening, policy, observe=True))}

    def run(
        self, checkpoint: Path, *, cut_after: float | None = None, steps: int = 50
    ) -> tuple[list[Row], list[Row]]:
        def on_episode(episode: Row, evaluation: Row | None) -> None:
            if evaluation is not None:
                self.evaluated.append(evaluation["steps"])
            if cut_after is not None and episode["steps"] >= cut_after:
                raise Cut

        return train_agent(
            self.learner,
            self.env,
            steps,
            checkpoint,
            self.evaluate,
            every=16,
            on_episode=on_episode,
        )


@pytest.fixture
def start(tiny: nn.Module, draw: Callable[[int], list[Batch]]) -> Callable[..., Training]:
    return lambda **numbers: Training(tiny, draw, **numbers)


def test_an_episode_has_a_row_and_evaluations_come_in_time(
    start: Callable[..., Training], tmp_path: Path
) -> None:
    training = start()
    episodes, evaluations = training.run(tmp_path / "ckpt")
    assert training.learner.num_timesteps == training.env.steps == 50
    assert sum(row["length"] for row in episodes) <= 50
    assert [row["steps"] for row in episodes] == list(np.cumsum([r["length"] for r in episodes]))
    for row in episodes:
        assert 0.8 <= row["target"] <= 1
        assert row["reward"] == pytest.approx(
            sum(row[f"reward/{term}"] for term in ("gap", "loss", "norm", "collapse"))
        )
        assert sum(row[f"weight/{name}"] for name in NAMES) == pytest.approx(1, abs=1e-5)
    assert evaluations[0]["steps"] == 0
    assert evaluations[-1]["steps"] == 50
    for row, due in zip(evaluations[1:3], (16, 32), strict=True):
        assert due <= row["steps"] < due + 4


def test_evaluating_more_often_changes_nothing_learnt(
    start: Callable[..., Training], tmp_path: Path
) -> None:
    often = start()
    often.run(tmp_path / "often")
    never = start()
    train_agent(never.learner, never.env, 50, tmp_path / "never", lambda _: {}, every=1000)
    for name, value in actor_weights(often.learner).items():
        assert torch.equal(actor_weights(never.learner)[name], value)


@pytest.mark.parametrize(("cut_after", "kept"), [(16, 16), (30, 16), (45, 32), (1, 0)])
def test_a_training_that_was_cut_short_ends_like_an_undisturbed_one(
    start: Callable[..., Training], tmp_path: Path, cut_after: float, kept: float
) -> None:
    """After the evaluation at `kept` steps or soon after; every object is built anew."""
    whole = start()
    expected = whole.run(tmp_path / "whole")
    with pytest.raises(Cut):
        start().run(tmp_path / "cut", cut_after=cut_after)
    state = torch.load(tmp_path / "cut", weights_only=True)
    assert kept <= state["counts"][0] < kept + 4
    resumed = start()
    torch.rand(3), np.random.rand(3)  # a new process stands elsewhere in its random numbers
    found = resumed.run(tmp_path / "cut")
    assert resumed.learner.num_timesteps == 50
    assert found == expected
    for part in ("actor", "critic", "actor_target", "critic_target"):
        values = getattr(resumed.learner, part).state_dict()
        for name, value in getattr(whole.learner, part).state_dict().items():
            assert torch.equal(values[name], value), f"{part} {name}"


def test_a_training_cut_twice_ends_like_an_undisturbed_one(
    start: Callable[..., Training], tmp_path: Path
) -> None:
    expected = start().run(tmp_path / "whole")
    for cut_after in (18, 36):
        with pytest.raises(Cut):
            start().run(tmp_path / "cut", cut_after=cut_after)
    assert start().run(tmp_path / "cut") == expected


def test_a_resumed_training_tells_each_episode_once(
    start: Callable[..., Training], tmp_path: Path
) -> None:
    with pytest.raises(Cut):
        start().run(tmp_path / "cut", cut_after=16)
    resumed = start()
    resumed.run(tmp_path / "cut")
    assert resumed.evaluated
    assert min(resumed.evaluated) >= 32


def test_a_learner_learns(start: Callable[..., Training], tmp_path: Path) -> None:
    training = start()
    before = actor_weights(training.learner)
    training.run(tmp_path / "ckpt")
    assert any(not torch.equal(before[n], v) for n, v in actor_weights(training.learner).items())


def test_the_seed_decides_the_actor_and_the_first_actions() -> None:
    def first(seed: int) -> tuple[Tensor, Any]:
        env = Bandit()
        learner = build_learner(env, SMALL, 10, seed)  # type: ignore[arg-type]
        return actor_weights(learner)["0.weight"], env.action_space.sample()

    (one, action), (again, the_same), (other, another) = first(0), first(0), first(1)
    assert torch.equal(one, again)
    assert action == the_same
    assert not torch.equal(one, other)
    assert action != another
