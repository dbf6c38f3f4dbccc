"""The state of TD3's training between two episodes, as tensors and plain values.

The rest of the training depends on nothing else: networks, optimizers, replay buffer, random
numbers, and the environment's own state.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from goldpan.panning.env import PanningEnv

BUFFER = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def learner_state(learner: Any, env: PanningEnv) -> dict[str, Any]:
    """The state of the learner and of its environment, in types that a safe load accepts."""
    buffer = learner.replay_buffer
    return {
        "policy": learner.policy.state_dict(),
        "optimizers": [part.optimizer.state_dict() for part in (learner.actor, learner.critic)],
        "counts": [learner.num_timesteps, learner._episode_num, learner._n_updates],
        "buffer": {
            name: torch.as_tensor(getattr(buffer, name)[: buffer.size()]) for name in BUFFER
        },
        "place": [buffer.pos, buffer.full],
        "random": {
            "torch": torch.get_rng_state(),
            "numpy": _plain(np.random.get_state(legacy=False)),
            "actions": _plain(env.action_space.np_random.bit_generator.state),
        },
        "environment": env.state_dict(),
    }


def restore_learner(learner: Any, env: PanningEnv, state: Mapping[str, Any]) -> None:
    """Put learner, environment and random numbers back to where the state was taken."""
    learner.policy.load_state_dict(state["policy"])
    for part, saved in zip((learner.actor, learner.critic), state["optimizers"], strict=True):
        part.optimizer.load_state_dict(saved)
    learner.num_timesteps, learner._episode_num, learner._n_updates = state["counts"][:3]
    for name, saved in state["buffer"].items():
        getattr(learner.replay_buffer, name)[: len(saved)] = saved.numpy()
    learner.replay_buffer.pos, learner.replay_buffer.full = state["place"]
    env.load_state_dict(state["environment"])
    torch.set_rng_state(state["random"]["torch"])
    np.random.set_state(_arrays(state["random"]["numpy"]))
    env.action_space.np_random.bit_generator.state = _arrays(state["random"]["actions"])


def _plain(state: Any) -> Any:
    """A generator's state with tensors in place of arrays, which a safe load accepts."""
    if isinstance(state, Mapping):
        return {name: _plain(value) for name, value in state.items()}
    return torch.as_tensor(state.astype(np.int64)) if isinstance(state, np.ndarray) else state


def _arrays(state: Any) -> Any:
    if isinstance(state, Mapping):
        return {name: _arrays(value) for name, value in state.items()}
    return state.numpy().astype(np.uint32) if isinstance(state, torch.Tensor) else state
