"""The agent's training: TD3 of stable-baselines3 on PanningEnv, with checkpoints between episodes.

S. Fujimoto et al., Addressing Function Approximation Error in Actor-Critic Methods, ICML 2018,
arXiv 1802.09477; hyper-parameters of Panning's authors in conf/procedure/agent.yaml.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import TD3
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.utils import set_random_seed

from goldpan.panning.env import PanningEnv
from goldpan.panning.learner_state import learner_state, restore_learner
from goldpan.panning.screening import Row
from goldpan.runs.checkpoint import save

Evaluate = Callable[[Mapping[str, torch.Tensor]], Row]
"""The actor's weights -> its returns on the targets of evaluation."""

OnEpisode = Callable[[Row, Row | None], None]
"""Called after each episode with its row, and with the row of an evaluation if there was one."""


def build_learner(
    env: PanningEnv, hyperparameters: Mapping[str, Any], steps: int, seed: int
) -> TD3:
    """TD3 with fresh networks for the environment; every random number follows from the seed.

    `hyperparameters` are TD3's own, and `exploration`, the standard deviation of the normal noise
    on actions, and `hidden`, the widths of actor and critics.
    """
    rest = dict(hyperparameters)
    noise, hidden = float(rest.pop("exploration")), [int(width) for width in rest.pop("hidden")]
    rest["buffer_size"] = min(int(rest["buffer_size"]), steps)  # never more than it will hold
    set_random_seed(seed)
    env.reset(seed=seed)
    env.action_space.seed(seed)
    actions = len(env.indices)
    learner = TD3(
        "MlpPolicy",
        env,
        action_noise=NormalActionNoise(np.zeros(actions), np.full(actions, noise)),
        policy_kwargs={"net_arch": hidden},
        device="cpu",  # three layers of 256: a GPU would wait for each step
        **rest,
    )
    learner.set_logger(Logger(None, []))  # its own makes a folder for temporary files
    return learner


def train_agent(
    learner: TD3,
    env: PanningEnv,
    steps: int,
    checkpoint: Path,
    evaluate: Evaluate,
    *,
    every: int,
    on_episode: OnEpisode = lambda episode, evaluation: None,
) -> tuple[list[Row], list[Row]]:
    """Train for so many steps of the environment, from the checkpoint if there is one.

    `evaluate` is called before the first step, then about every `every` steps, between two
    episodes, and at the end; a checkpoint is written just after. Returns the rows of all episodes
    and of all evaluations, those before a resume included.
    """
    journal = Journal(env, checkpoint, evaluate, every, on_episode)
    if checkpoint.exists():
        journal.restore(learner, torch.load(checkpoint, weights_only=True))
    left = steps - learner.num_timesteps  # learn counts from where it stands
    learner.learn(left, callback=journal, reset_num_timesteps=False)
    journal.close()
    return journal.episodes, journal.evaluations


class Journal(BaseCallback):
    """Keeps a row of each episode; between two episodes it evaluates and writes the checkpoint."""

    def __init__(
        self,
        env: PanningEnv,
        checkpoint: Path,
        evaluate: Evaluate,
        every: int,
        on_episode: OnEpisode,
    ) -> None:
        super().__init__()
        self.env, self.checkpoint = env, checkpoint
        self.evaluate, self.every, self.on_episode = evaluate, every, on_episode
        self.episodes, self.evaluations, self.steps = list[Row](), list[Row](), list[Row]()
        self.due = self.told = 0

    def _on_step(self) -> bool:
        """Keep the step for its episode's row."""
        self.steps.append(self.locals["infos"][0])
        if self.locals["dones"][0]:
            self.episodes.append(self._episode())
            self.steps = []
        return True

    def _on_rollout_start(self) -> None:
        """Evaluate and write the checkpoint if due and if the last episode has ended."""
        if self.steps:
            return  # within an episode; between two the environment has just been reset
        evaluation = None
        if self.num_timesteps >= self.due:
            self.due += self.every
            evaluation = self._evaluate()
            save(self._state(), self.checkpoint)
        self._tell(evaluation)

    def close(self) -> None:
        """Evaluate once more, after the last step."""
        self._tell(self._evaluate())

    def _tell(self, evaluation: Row | None) -> None:
        if len(self.episodes) > self.told:
            self.told = len(self.episodes)
            self.on_episode(self.episodes[-1], evaluation)

    def _evaluate(self) -> Row:
        row = {"steps": float(self.num_timesteps)} | self.evaluate(actor_weights(self.model))
        self.evaluations.append(row)
        return row

    def _episode(self) -> Row:
        """Sums of the reward and its terms, means of the weights, over the episode."""
        row = {"steps": float(self.num_timesteps), "target": self.steps[0]["target"]}
        row["length"] = float(len(self.steps))
        for name in self.steps[0]:
            if name.startswith(("reward", "weight/")):
                parts = 1 if name.startswith("reward") else len(self.steps)
                row[name] = sum(step[name] for step in self.steps) / parts
        return row

    def _state(self) -> dict[str, Any]:
        """All that the rest of the training depends on."""
        state = learner_state(self.model, self.env)
        return state | {
            "counts": [*state["counts"], self.due],
            "episodes": self.episodes,
            "evaluations": self.evaluations,
        }

    def restore(self, learner: Any, state: Mapping[str, Any]) -> None:
        """Put learner, environment and journal back to where the checkpoint was written."""
        restore_learner(learner, self.env, state)
        self.due = state["counts"][-1]
        self.episodes, self.evaluations = list(state["episodes"]), list(state["evaluations"])
        self.told = len(self.episodes)


def actor_weights(learner: Any) -> dict[str, torch.Tensor]:
    """The actor's own layers, as `goldpan.panning.agent.Agent` takes them."""
    return {name: value.clone() for name, value in learner.actor.mu.state_dict().items()}
