from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import pytest
import torch.nn.functional as F
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn

from goldpan.masks import Masks, digest
from goldpan.panning.env import PanningEnv
from goldpan.panning.indices import Index
from goldpan.panning.policies import PolicyInput, Staircase, Uniform
from goldpan.panning.rollout import episode_return, pan
from goldpan.panning.screening import Row, Screening
from goldpan.types import Batch

Draw = Callable[[int], list[Batch]]
Start = Callable[..., Screening]
TERMS = ("reward/gap", "reward/loss", "reward/norm", "reward/collapse")


@pytest.fixture
def start(net: nn.Module, indices: tuple[Index, ...], draw: Draw) -> Start:
    """start(sparsity=..., rounds=...): a screening of the small network."""

    def screening(sparsity: float = 0.9, rounds: int = 4) -> Screening:
        return Screening(net, indices, draw, F.cross_entropy, sparsity=sparsity, rounds=rounds)

    return screening


class Watching(Uniform):
    """Uniform weights, and all views that were given."""

    observes: ClassVar[bool] = True

    def __init__(self) -> None:
        object.__setattr__(self, "views", [])

    def __call__(self, given: PolicyInput) -> Sequence[float]:
        self.views.append(given)  # type: ignore[attr-defined]
        return super().__call__(given)


def test_there_is_a_row_a_round_and_each_is_told(start: Start) -> None:
    told: list[Row] = []
    rows = pan(start(), Uniform(), told.append)
    assert told == rows
    assert [row["round"] for row in rows] == [1, 2, 3, 4]
    assert [row["kept"] for row in rows] == [356, 200, 112, 63]  # 634 * 0.1^(t/4)
    assert {"weight/synflow", "correlation/snip/grasp", "revived", "removed"} <= rows[0].keys()
    assert "reward" not in rows[0]


def test_looking_changes_no_mask(start: Start) -> None:
    found = []
    for look in (False, True):
        screening = start()
        rows = pan(screening, Uniform(), observe=look)
        found.append(digest(screening.masks))
        assert ("reward" in rows[0]) == look
    assert found[0] == found[1]


def test_batches_are_those_of_the_rounds_and_to_look_ten_before_and_one_after(start: Start) -> None:
    for look, expected in ((False, [1, 2, 3, 4]), (True, [*range(-10, 0), 1, 2, 3, 4, 5])):
        screening, drawn = start(), []
        draw = screening.draw

        def noted(done: int, draw: Draw = draw, drawn: list[int] = drawn) -> list[Batch]:  # type: ignore[assignment]
            drawn.append(done)
            return draw(done)

        screening.draw = noted
        pan(screening, Uniform(), observe=look)
        assert drawn == expected


def test_a_policy_that_observes_is_given_the_observation_of_the_round_before(start: Start) -> None:
    policy = Watching()
    rows = pan(start(), policy)
    views: list[PolicyInput] = policy.views  # type: ignore[attr-defined]
    assert [view.round for view in views] == [1, 2, 3, 4]
    assert all(view.indices == ("synflow", "snip", "grasp") for view in views)
    seen = np.array([view.observation for view in views])
    assert (seen[0, 2:] == 0).all()
    np.testing.assert_allclose(seen[1:, 2], [-row["reward/loss"] for row in rows[:3]], rtol=1e-6)
    np.testing.assert_allclose(seen[1:, 3], [-row["reward/norm"] for row in rows[:3]], rtol=1e-6)
    np.testing.assert_allclose(seen[1:, 4], [row["effective"] for row in rows[:3]], rtol=1e-6)
    np.testing.assert_allclose(seen[1:, 5], 1 - 0.1 ** (np.arange(1, 4) / 4), rtol=1e-6)
    np.testing.assert_allclose(seen[1:, 6], np.arange(3) / 4, rtol=1e-6)


def test_a_policy_that_does_not_observe_is_given_no_observation_in_vain(start: Start) -> None:
    class Blind(Watching):
        observes: ClassVar[bool] = False

    policy = Blind()
    pan(start(), policy)
    assert all(view.observation is None for view in policy.views)  # type: ignore[attr-defined]


def test_terms_of_each_row_add_up_to_its_reward_which_is_never_positive(start: Start) -> None:
    for row in pan(start(sparsity=0.99), Uniform(), observe=True):
        assert row["reward"] == pytest.approx(sum(row[name] for name in TERMS))
        assert all(row[name] <= 0 for name in TERMS)


def test_a_return_ends_with_the_first_collapse() -> None:
    rows = [{"reward": -1.0, "effective": 0.5}, {"reward": -2.0, "effective": 1.0}]
    assert episode_return([*rows, {"reward": -4.0, "effective": 1.0}]) == -3
    assert episode_return([*rows[:1], *rows[:1]]) == -2


def masks_by_round(screening: Screening, policy: Staircase) -> list[str]:
    found: list[str] = []
    pan(screening, policy, lambda row: found.append(digest(screening.masks)))
    return found


def test_an_agent_that_acts_like_the_staircase_finds_its_masks_bit_for_bit(
    net: nn.Module, indices: tuple[Index, ...], draw: Draw, configure: Callable[..., DictConfig]
) -> None:
    """Action 2 w - 1 in float32, on the same batches: panning.md 1.8, test 7."""
    rounds, sparsity = 10, 0.998
    staircase: Staircase = instantiate(configure("method=panning").method.pruner.policy)
    names = tuple(index.name for index in indices)
    screening = Screening(net, indices, draw, F.cross_entropy, sparsity=sparsity, rounds=rounds)
    expected = masks_by_round(screening, staircase)

    def draw_next(_: int) -> list[Batch]:
        return draw(env.screening.done + 1)

    env = PanningEnv(net, indices, draw_next, F.cross_entropy, rounds=10)
    env.reset(seed=5, options={"target": sparsity})
    found, stages = [], set()
    for done in range(1, rounds + 1):
        weights = staircase(PolicyInput(names, done, rounds, sparsity))
        stages.add(tuple(weights))
        env.step(np.array([2 * weight - 1 for weight in weights], dtype=np.float32))
        found.append(digest(Masks(env.screening.masks)))
    assert len(stages) == 5
    assert found == expected
