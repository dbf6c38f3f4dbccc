import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from goldpan.panning.agent import Agent, Learned, learned, read_agent
from goldpan.panning.observation import NAMES
from goldpan.panning.policies import PolicyInput
from goldpan.runs.checkpoint import save

INDICES = ("synflow", "snip", "grasp")


def actor() -> nn.Sequential:
    """The authors' shape, small: 7-4-4-3."""
    torch.manual_seed(0)
    layers = (nn.Linear(7, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3), nn.Tanh())
    return nn.Sequential(*layers)


def agent() -> Agent:
    return Agent(actor().state_dict(), INDICES, {"run": "abc", "seed": 3})


def content(**changes: Any) -> dict[str, Any]:
    """What an agent's file holds, and changes to it."""
    whole = {
        "format": 1,
        "observations": list(NAMES),
        "indices": list(INDICES),
        "trained_on": {},
        "actor": dict(actor().state_dict()),
    }
    return whole | changes


def layer(**changes: Tensor) -> dict[str, Tensor]:
    return dict(actor().state_dict()) | changes


def test_an_agent_comes_back_from_its_file_and_acts_the_same(tmp_path: Path) -> None:
    agent().write(tmp_path / "agent.pt")
    back = read_agent(tmp_path / "agent.pt")
    observations = torch.rand(5, 7)
    assert torch.equal(back.network()(observations), actor()(observations))
    assert tuple(back.indices) == INDICES
    assert back.trained_on == {"run": "abc", "seed": 3}
    assert [path.name for path in tmp_path.iterdir()] == ["agent.pt"]


def test_the_policy_weighs_by_the_action_plus_one(tmp_path: Path) -> None:
    agent().write(tmp_path / "agent.pt")
    policy = learned(str(tmp_path / "agent.pt"))
    assert policy.observes
    policy.check(INDICES)
    observation = np.linspace(0, 1, 7, dtype=np.float32)
    weights = policy(PolicyInput(INDICES, 1, 100, 0.9, observation))
    expected = actor()(torch.as_tensor(observation)[None])[0] + 1
    assert weights == pytest.approx(expected.tolist())
    assert all(isinstance(weight, float) and 0 <= weight <= 2 for weight in weights)


def test_an_action_of_minus_one_weighs_nothing() -> None:
    weights = actor().state_dict()
    weights["4.bias"] = torch.tensor([-1e3, 0, 1e3])
    policy = Learned(Agent(weights, INDICES))
    observation = np.zeros(7, dtype=np.float32)
    one, _, three = policy(PolicyInput(INDICES, 1, 100, 0.9, observation))
    assert (one, three) == (0, 2)


@pytest.mark.parametrize(
    "indices", [("snip", "synflow", "grasp"), ("synflow", "snip"), (*INDICES, "magnitude")]
)
def test_other_indices_are_refused(indices: tuple[str, ...]) -> None:
    sentence = (
        "the agent weighs synflow, snip, grasp in this order, "
        f"the run has {', '.join(indices)}: choose the same, or train another agent"
    )
    with pytest.raises(ValueError, match="the agent weighs") as refused:
        Learned(agent()).check(indices)
    assert str(refused.value) == sentence


def test_no_agent_is_refused() -> None:
    with pytest.raises(ValueError, match="method=rl_panning needs a trained agent: agent=FILE"):
        learned(None)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no agent at .*nowhere.pt; train one with proc"):
        learned(str(tmp_path / "nowhere.pt"))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no agent at"):
        read_agent(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "agent.pt"
    agent().write(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"is not a whole agent as procedure=agent writes it"):
        read_agent(path)


@pytest.mark.parametrize(
    "text",
    [b"an agent\n", b"0123\n", b"{}\n", b"\x80\x02.", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04rest"],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "agent.pt"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=r"is not a whole agent as procedure=agent writes it"):
        read_agent(path)


@pytest.mark.parametrize("odd", [torch.zeros(3), torch.tensor(1.0), [1, 2], "text", None, {"a": 1}])
def test_a_torch_file_of_something_else_is_refused(tmp_path: Path, odd: Any) -> None:
    torch.save(odd, tmp_path / "odd.pt")
    with pytest.raises(ValueError, match="is not a whole agent"):
        read_agent(tmp_path / "odd.pt")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": 2}, "expected an agent of format 1 that observes loss, norm, loss change"),
        ({"format": 2}, "has format 2 and observes loss"),
        ({"observations": ["loss", "time"]}, "has format 1 and observes loss, time: train it"),
        ({"indices": ["snip"]}, "are not those of an actor"),
        ({"actor": {}}, "are not those of an actor"),
        ({"actor": layer(**{"4.weight": torch.zeros(2, 4)})}, "are not those of an actor"),
        ({"actor": layer(**{"0.weight": torch.zeros(4, 8)})}, "are not those of an actor"),
        ({"actor": layer(**{"0.weight": torch.zeros(4)})}, "are not those of an actor"),
        ({"actor": layer(more=torch.zeros(4))}, "are not those of an actor"),
        ({"actor": {"0.weight": 3.0}}, "actor"),
        ({"actor": [1, 2]}, "actor"),
    ],
)
def test_an_agent_of_another_shape_is_refused(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    save(content(**changes), tmp_path / "agent.pt")
    with pytest.raises(ValueError, match=r"agent\.pt") as refused:
        read_agent(tmp_path / "agent.pt")
    assert sentence in str(refused.value)


def test_an_actor_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    weights = layer(**{"0.bias": torch.full((4,), torch.nan)})
    save(content(actor=weights), tmp_path / "agent.pt")
    with pytest.raises(ValueError, match="actor"):
        read_agent(tmp_path / "agent.pt")


class Trap:
    """Makes a folder as soon as it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    torch.save(content(trained_on=Trap(trap)), tmp_path / "agent.pt")
    with pytest.raises(ValueError, match="is not a whole agent"):
        read_agent(tmp_path / "agent.pt")
    assert not trap.exists()
    torch.load(tmp_path / "agent.pt", weights_only=False)
    assert trap.exists()  # it would have run


def test_an_agent_that_does_not_say_what_it_observed_saw_the_batch_just_scored() -> None:
    old, new = Agent({}, ("snip",)), Agent({}, ("snip",), {"observe": "next"})
    assert (old.observe, new.observe) == ("same", "next")
