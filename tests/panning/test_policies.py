from collections.abc import Callable

import pytest
from hydra.utils import instantiate
from omegaconf import DictConfig

from goldpan.panning.policies import Policy, PolicyInput, Random, Staircase, Uniform

NAMES = ("synflow", "snip", "grasp")
Configure = Callable[..., DictConfig]


def configured(configure: Configure, *overrides: str) -> Policy:
    policy: Policy = instantiate(configure("method=panning", *overrides).method.pruner.policy)
    return policy


def weights(policy: Policy, sparsity: float, rounds: int = 100) -> list[list[float]]:
    """The weights of every round of a pruning."""
    views = [PolicyInput(NAMES, done, rounds, sparsity) for done in range(1, rounds + 1)]
    return [list(policy(view)) for view in views]


@pytest.mark.parametrize(
    ("sparsity", "starts"),
    [
        (0.80, []),
        (0.85, [85]),
        (0.90, [70]),
        (0.95, [54, 77]),
        (0.98, [42, 59]),
        (0.985, [39, 55, 94]),
        (0.99, [35, 51, 85]),
        (0.995, [31, 44, 74, 87]),
        (0.999, [24, 34, 57, 67]),
        (0.9999, [18, 25, 43, 50]),
    ],
)
def test_stages_begin_at_the_rounds_of_the_paper(
    configure: Configure, sparsity: float, starts: list[int]
) -> None:
    """panning.md 1.3: the first round, from 1, of stages 2, 3, 4 and 5 of 100 rounds."""
    rows = weights(configured(configure), sparsity)
    changes = [done for done in range(2, 101) if rows[done - 1] != rows[done - 2]]
    assert changes == starts


def test_stages_have_the_weights_of_the_paper(configure: Configure) -> None:
    """For SynFlow, SNIP and GraSP."""
    rows = weights(configured(configure), 0.9999)
    assert [rows[done - 1] for done in (1, 18, 25, 43, 50)] == [
        [0.2, 0.5, 0.3],
        [0.2, 0.4, 0.4],
        [0.2, 0.3, 0.5],
        [0.4, 0.2, 0.4],
        [0.5, 0.0, 0.5],
    ]


def test_at_most_one_stair_is_climbed_in_a_round() -> None:
    """The first round aims at 0.9968, beyond all four stairs."""
    staircase = Staircase([0.8, 0.9, 0.98, 0.99], [[stage, 1, 1] for stage in range(1, 6)])
    assert [row[0] for row in weights(staircase, 0.99999, rounds=2)] == [2, 3]


def test_a_stair_that_is_just_reached_is_not_exceeded() -> None:
    staircase = Staircase([0.5], [[1.0], [2.0]])
    assert weights(staircase, 0.5, rounds=1) == [[1.0]]
    assert weights(staircase, 0.51, rounds=1) == [[2.0]]


def test_what_was_asked_before_changes_no_stage() -> None:
    staircase = Staircase([0.5], [[1.0], [2.0]])
    late, early = PolicyInput(NAMES, 9, 10, 0.9), PolicyInput(NAMES, 1, 10, 0.9)
    assert [staircase(view) for view in (late, early, late)] == [[2.0], [1.0], [2.0]]


def test_the_authors_product_form_is_a_staircase_that_fits(configure: Configure) -> None:
    exponents = "policy.weights=[[.3,1,.2],[.3,1,.4],[.5,.5,.6],[.8,0,1],[1,0,1]]"
    policy = configured(configure, "method.pruner.form=product", exponents)
    policy.check(NAMES)
    assert weights(policy, 0.9999)[-1] == [1, 0, 1]


def test_uniform_weighs_all_alike(configure: Configure) -> None:
    policy = configured(configure, "policy=uniform")
    assert isinstance(policy, Uniform)
    assert weights(policy, 0.9, rounds=2) == [[1.0, 1.0, 1.0]] * 2


def test_single_weighs_one_alone(configure: Configure) -> None:
    policy = configured(configure, "policy=single", "policy.index=snip")
    policy.check(NAMES)
    assert weights(policy, 0.9, rounds=2) == [[0.0, 1.0, 0.0]] * 2


def test_random_weights_follow_from_seed_and_round_alone() -> None:
    rows = weights(Random(0), 0.9, rounds=3)
    assert rows == weights(Random(0), 0.98, rounds=3)
    assert rows != weights(Random(1), 0.9, rounds=3)
    assert rows[0] != rows[1]
    assert all(0 <= value < 1 for row in rows for value in row)
