"""Pruning before training as an environment in which an agent weighs the indices."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from torch import nn

from goldpan.panning.indices import Index
from goldpan.panning.observation import NAMES, Observer, Range
from goldpan.panning.rollout import terms
from goldpan.panning.screening import Screening
from goldpan.types import Batch, Loss

Observation = NDArray[np.float32]
Targets = Sequence[tuple[float, float]]


class PanningEnv(gymnasium.Env[Observation, Observation]):
    """One episode is one pruning of the same untrained network, one step one round of it.

    Neural Network Panning, arXiv 2209.13378, read from the authors' code (FOUND there unless said
    otherwise). No network is trained inside.

    **Action** `Box(-1, 1, (n_indices,))`: index i gets the weight action_i + 1, so the score of a
    weight is the sum of (action_i + 1) z_i. Only the ratios of weights count; all -1 scores
    nothing, and the first weights by index are kept (interpretation).

    **Observation** `Box(0, 1, (7,))`. L and Q are the loss of logits / temperature and the squared
    gradient norm, on the step's batch, of the dense network; L' and Q' of the masked one.
    Ranges are those of all values seen so far, dense and masked, begun with ten batches of the
    dense network and kept from episode to episode; a range of one point gives 0.

    | # | name | after step t (from 0) of N | after reset |
    |---|---|---|---|
    | 0 | loss | (L - L_min) / (L_max - L_min) | likewise |
    | 1 | norm | (Q - Q_min) / (Q_max - Q_min) | likewise |
    | 2 | loss change | abs(L' - L) / (L_max - L_min) | 0 |
    | 3 | norm change | abs(Q' - Q) / (Q_max - Q_min) / 5 | 0 |
    | 4 | effective | sparsity, with weights on no live path counted as cut | 0 |
    | 5 | sparsity | 1 - (1 - target)^((t + 1) / N) | 0 |
    | 6 | progress | t / N | 0 |

    **Reward** -(100 abs(sparsity - effective) + loss change + norm change), at most 0; when
    nothing connects input and output any more (effective = 1), N - t less.

    **Termination** after N steps, or when nothing is connected. Never truncated: the end is the
    task's, known from the progress.

    **Targets**: each reset draws the final sparsity uniformly from one of `targets`, a list of
    intervals; the first alone during the first `switch` steps, then one of the others.
    `reset(options={"target": 0.98})` sets it. `reset(seed=...)` also begins the ranges anew.

    Differs from the authors' code: BatchNorm is the identity in the SynFlow pass, which is float64;
    live paths are counted exactly (goldpan.cost.live_paths); masks keep exactly as many weights.

    Args:
        draw: a seed -> the batches that a round's scores see.
        info of a step: the reward's terms and the screening's row.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        model: nn.Module,
        indices: Sequence[Index],
        draw: Callable[[int], Sequence[Batch]],
        loss: Loss,
        *,
        rounds: int = 100,
        targets: Targets = ((0.8, 1.0), (0.9, 1.0), (0.98, 1.0)),
        switch: int = 10_000,
        form: Literal["sum", "product"] = "sum",
        temperature: float = 200.0,
    ) -> None:
        self.model, self.indices, self.rounds = model, tuple(indices), rounds
        self.draw_seeded, self.targets, self.switch = draw, targets, switch
        parts = model, self.indices, self._draw, loss
        self.screen = partial(Screening, *parts, rounds=rounds, form=form, temperature=temperature)
        self.action_space = Box(-1, 1, (len(self.indices),), np.float32)
        self.observation_space = Box(0, 1, (len(NAMES),), np.float32)
        self.observer, self.steps, self.screening = Observer(), 0, self.screen(sparsity=0.0)
        self.calibrated = False
        self.at_reset: dict[str, Any] = {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Keep all weights and draw a new target; see the class."""
        super().reset(seed=seed)
        self.at_reset = self._state()
        target = (options or {}).get("target")
        self.screening = self.screen(sparsity=self._target() if target is None else target)
        if seed is not None or not self.calibrated:
            self.observer, self.calibrated = Observer(), True
            self.observer.calibrate(self.screening, 0)
        dense = self.screening.dense_slope(self.screening.draw(0)[0])
        return self.observer.before(*dense), {"target": self.screening.sparsity}

    def step(self, action: Observation) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one round of Panning with the weights action + 1; see the class."""
        self.steps += 1
        row, effect = self.screening.step_and_measure([float(value) + 1 for value in action])
        done, rounds = self.screening.done, self.rounds
        observation, reward = self.observer.after(effect, done, rounds)
        ended = effect.effective == 1 or done == rounds
        row |= terms(reward) | {"target": self.screening.sparsity, "effective": effect.effective}
        return observation, reward.value, ended, False, row

    def state_dict(self) -> dict[str, Any]:
        """The state at the last reset, in tensors and plain values: episodes are never resumed."""
        return self.at_reset

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to the reset at which the state was taken: the next reset repeats it."""
        self.np_random.bit_generator.state = state["random"]
        self.steps, self.calibrated = state["steps"], state["calibrated"]
        self.observer = Observer(Range(**state["loss"]), Range(**state["norm"]))

    def _state(self) -> dict[str, Any]:
        ranges = {"loss": asdict(self.observer.loss), "norm": asdict(self.observer.norm)}
        counts = {"steps": self.steps, "calibrated": self.calibrated}
        return {"random": self.np_random.bit_generator.state} | counts | ranges

    def _target(self) -> float:
        early = self.steps < self.switch or len(self.targets) == 1
        choice = 0 if early else int(self.np_random.integers(1, len(self.targets)))
        return float(self.np_random.uniform(*self.targets[choice]))

    def _draw(self, _: int) -> Sequence[Batch]:
        return self.draw_seeded(int(self.np_random.integers(2**31)))
