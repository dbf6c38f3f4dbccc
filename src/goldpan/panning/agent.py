"""A trained agent: its file of tensors and plain values, and the policy made from it.

The actor of TD3 in Neural Network Panning, arXiv 2209.13378: 7-256-256-n, ReLU, tanh. Nothing in
its observation has a layer's shape, so it steers the pruning of any network.
"""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from goldpan.panning.observation import NAMES
from goldpan.panning.policies import Policy, PolicyInput
from goldpan.runs.checkpoint import save

FORMAT = 1
BROKEN = pickle.UnpicklingError, EOFError, RuntimeError, LookupError, TypeError, ValueError


@dataclass(frozen=True)
class Agent:
    """An actor's weights, `indices` by name in the order of its actions, and how it was trained."""

    actor: Mapping[str, Tensor]
    indices: Sequence[str]
    trained_on: Mapping[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the agent to one file, whole or not at all."""
        sees = {"format": FORMAT, "observations": list(NAMES), "indices": list(self.indices)}
        save(sees | {"trained_on": dict(self.trained_on), "actor": dict(self.actor)}, path)

    def network(self) -> nn.Module:
        """Observations (N, 7) -> actions (N, n_indices) in [-1, 1].

        Raises RuntimeError if the weights are not those of such a network.
        """
        weights = [value for name, value in self.actor.items() if name.endswith("weight")]
        layers: list[nn.Module] = []
        for weight in weights:
            linear = nn.Linear(weight.shape[1], weight.shape[0], device="meta")  # draws nothing
            layers += [linear, nn.ReLU()]
        actor = nn.Sequential(*layers[:-1], nn.Tanh())
        actor.load_state_dict(dict(self.actor), assign=True)
        return actor


def read_agent(path: Path) -> Agent:
    """The agent in a file; nothing that the file may hold is run.

    Raises FileNotFoundError if there is none, ValueError if it is not a whole agent of this format.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no agent at {path}; train one with procedure=agent, "
            "or take one of the folder results"
        )
    try:
        content = dict(torch.load(path, map_location="cpu", weights_only=True))
        found = content["format"], tuple(content["observations"])
        agent = Agent(content["actor"], tuple(content["indices"]), content["trained_on"])
    except BROKEN as error:
        raise ValueError(
            f"{path} is not a whole agent as procedure=agent writes it "
            f"({type(error).__name__}); copy or train it again"
        ) from error
    if found != (FORMAT, NAMES):
        raise ValueError(
            f"expected an agent of format {FORMAT} that observes {', '.join(NAMES)}; {path} has "
            f"format {found[0]} and observes {', '.join(map(str, found[1]))}: train it again"
        )
    try:
        action = agent.network()(torch.zeros(1, len(NAMES))).reshape(len(agent.indices))
    except (RuntimeError, IndexError, AttributeError) as error:
        raise ValueError(f"the weights in {path} are not those of an actor: {error}") from error
    if not action.isfinite().all():
        raise ValueError(f"the weights in {path} are not those of an actor: not all are finite")
    return agent


class Learned(Policy):
    """The policy of a trained agent, deterministic: weight = action + 1."""

    observes = True

    def __init__(self, agent: Agent) -> None:
        self.agent, self.actor = agent, agent.network()

    def check(self, indices: Sequence[str]) -> None:
        """Raise ValueError if the agent was trained to weigh other indices."""
        if tuple(indices) != tuple(self.agent.indices):
            raise ValueError(
                f"the agent weighs {', '.join(self.agent.indices)} in this order, "
                f"the run has {', '.join(indices)}: choose the same, or train another agent"
            )

    @torch.no_grad()
    def __call__(self, given: PolicyInput) -> Sequence[float]:
        """The actor's weights for what it observes."""
        action = self.actor(torch.as_tensor(given.observation)[None])[0]
        return [float(value) + 1 for value in action]


def learned(file: str | None) -> Learned:
    """The policy of the agent in a file that `procedure=agent` wrote; raises as `read_agent`."""
    if file is None:
        raise ValueError(
            "method=rl_panning needs a trained agent: agent=FILE, which procedure=agent writes"
        )
    return Learned(read_agent(Path(file)))
