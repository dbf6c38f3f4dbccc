from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_of_stable_baselines
from torch import nn

from goldpan.cost import effective_sparsity
from goldpan.gradients import slope
from goldpan.masks import Masks, digest, read_masks, set_masks
from goldpan.panning.env import PanningEnv
from goldpan.panning.indices import Index
from goldpan.panning.screening import kept_at
from goldpan.types import Batch

Draw = Callable[[int], list[Batch]]
Make = Callable[..., PanningEnv]
ALIKE = np.zeros(3, dtype=np.float32)
NOTHING = -np.ones(3, dtype=np.float32)
TERMS = ("reward/gap", "reward/loss", "reward/norm", "reward/collapse")


@pytest.fixture
def make(net: nn.Module, indices: tuple[Index, ...], draw: Draw) -> Make:
    """make(rounds=..., targets=...): an environment on the small network of 634 weights."""

    def env(**options: Any) -> PanningEnv:
        return PanningEnv(net, indices, draw, F.cross_entropy, **{"rounds": 3} | options)

    return env


@pytest.mark.filterwarnings("ignore:.*A Box observation space .* value is .*infinity")
@pytest.mark.parametrize("observe", ["next", "same"])
def test_it_keeps_gymnasiums_contract(make: Make, observe: str) -> None:
    check_env(make(observe=observe), skip_render_check=True)


def test_it_keeps_stable_baselines_contract(make: Make) -> None:
    check_env_of_stable_baselines(make())


def test_spaces_are_those_of_the_paper(make: Make) -> None:
    env = make()
    assert env.observation_space.shape == (7,)
    assert env.action_space.shape == (3,)
    assert (env.action_space.low == -1).all()  # type: ignore[attr-defined]
    assert (env.action_space.high == 1).all()  # type: ignore[attr-defined]


def test_an_episode_is_one_pruning_to_the_target(make: Make) -> None:
    env = make()
    first, info = env.reset(seed=0, options={"target": 0.9})
    assert info == {"target": 0.9}
    assert (first[2:] == 0).all()
    assert read_masks(env.model).sparsity == 0
    for step in range(3):
        observation, _, terminated, truncated, info = env.step(ALIKE)
        assert read_masks(env.model).kept == info["kept"] == kept_at(634, 0.9, (step + 1) / 3)
        assert observation[4] == pytest.approx(info["effective"])
        assert observation[5] == pytest.approx(1 - 0.1 ** ((step + 1) / 3))
        assert observation[6] == pytest.approx(step / 3)
        assert env.observation_space.contains(observation)
        assert (terminated, truncated) == (step == 2, False)
        assert info["target"] == 0.9


def test_weights_are_actions_plus_one(make: Make) -> None:
    env = make()
    env.reset(seed=0)
    info = env.step(np.array([-1.0, 0.0, 1.0], dtype=np.float32))[-1]
    shares = [info[f"weight/{name}"] for name in ("synflow", "snip", "grasp")]
    assert shares == [0, pytest.approx(1 / 3, abs=1e-6), pytest.approx(2 / 3, abs=1e-6)]


def test_no_weight_at_all_keeps_the_first_weights_by_index(make: Make) -> None:
    env = make()
    env.reset(seed=0, options={"target": 0.9})
    env.step(NOTHING)
    kept = torch.cat([mask.flatten() for mask in read_masks(env.model).values()])
    assert kept.tolist() == [True] * 294 + [False] * 340


def test_terms_add_up_to_a_reward_that_is_never_positive(make: Make) -> None:
    env = make(rounds=5)
    for seed in range(3):
        env.reset(seed=seed)
        done = False
        while not done:
            _, reward, done, _, info = env.step(env.action_space.sample())
            assert reward == info["reward"] == pytest.approx(sum(info[name] for name in TERMS))
            assert all(info[name] <= 0 for name in TERMS)


@pytest.mark.parametrize(("target", "step"), [(0.2, 1), (0.1, 2), (1.0, 0)])
def test_a_collapse_ends_the_episode_and_costs_the_rounds_left(
    make: Make, target: float, step: int
) -> None:
    """Without weights the last layer, 40 of 634, is cut first: at 594 kept nothing connects."""
    env = make(rounds=4)
    env.reset(seed=0, options={"target": target})
    for _ in range(step):
        *_, terminated, _, info = env.step(NOTHING)
        assert not terminated
        assert info["reward/collapse"] == 0
    observation, reward, terminated, truncated, info = env.step(NOTHING)
    assert (terminated, truncated) == (True, False)
    assert observation[4] == info["effective"] == 1
    assert info["reward/collapse"] == -(4 - step)
    others = sum(info[name] for name in TERMS if name != "reward/collapse")
    assert reward - others == pytest.approx(-(4 - step))


def targets(env: PanningEnv, resets: int = 40) -> list[float]:
    return [env.reset()[1]["target"] for _ in range(resets)]


def test_targets_come_from_the_first_interval_and_later_from_the_others(make: Make) -> None:
    env = make(targets=((0.1, 0.2), (0.5, 0.6), (0.8, 0.9)), switch=2)
    env.reset(seed=0)
    assert all(0.1 <= target <= 0.2 for target in targets(env))
    env.step(ALIKE)
    assert all(0.1 <= target <= 0.2 for target in targets(env))
    env.step(ALIKE)
    late = targets(env)
    assert all(0.5 <= target <= 0.6 or 0.8 <= target <= 0.9 for target in late)
    assert 10 < sum(target > 0.7 for target in late) < 30


def test_one_interval_is_kept_all_along(make: Make) -> None:
    env = make(targets=((0.1, 0.2),), switch=0)
    env.reset(seed=0)
    assert all(0.1 <= target <= 0.2 for target in targets(env, 5))


def played(env: PanningEnv, seed: int | None) -> list[np.ndarray]:
    first, info = env.reset(seed=seed)
    steps = [env.step(ALIKE) for _ in range(3)]
    return [first, np.float32(info["target"]), *[step[0] for step in steps]]


def test_the_same_seed_plays_the_same_episode(make: Make) -> None:
    env = make()
    first, again, other = played(env, 0), played(env, 0), played(env, 1)
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_ranges_are_kept_from_episode_to_episode_until_a_seed(make: Make) -> None:
    env, fresh = make(), make()
    fresh.reset(seed=0)
    played(env, 0)
    low, high = env.observer.norm.low, env.observer.norm.high
    assert high - low > fresh.observer.norm.high - fresh.observer.norm.low
    played(env, None)
    assert env.observer.norm.low <= low < high <= env.observer.norm.high
    env.reset(seed=0)
    assert env.observer == fresh.observer


def test_each_round_sees_images_of_its_own(net: nn.Module, indices: tuple[Index, ...]) -> None:
    seeds: list[int] = []

    def draw(seed: int) -> list[Batch]:
        seeds.append(seed)
        return [(torch.randn(10, 3, 8, 8), torch.arange(10) % 5)]

    env = PanningEnv(net, indices, draw, F.cross_entropy, rounds=3)
    env.reset(seed=0)
    assert len(seeds) == 11  # ten for the ranges
    for _ in range(3):
        env.step(ALIKE)
    assert len(seeds) == len(set(seeds)) == 14


def test_an_environment_put_back_replays_the_episode_it_was_in(make: Make) -> None:
    env = make()
    played(env, 0)
    expected = played(env, None)
    state = env.state_dict()
    played(env, None)
    fresh = make()
    fresh.reset(seed=9)
    fresh.load_state_dict(state)
    assert all(np.array_equal(a, b) for a, b in zip(expected, played(fresh, None), strict=True))
    assert fresh.steps == 6


def test_two_environments_on_one_network_do_not_disturb_each_other(make: Make) -> None:
    """The training's and the evaluation's, round by round in turn."""
    alone, one, other = make(), make(), make()
    expected = played(alone, 0)
    one.reset(seed=0)
    other.reset(seed=1, options={"target": 0.99})
    for step in range(3):
        observation = one.step(ALIKE)[0]
        other.step(NOTHING)
        assert np.array_equal(observation, expected[2 + step])


@pytest.mark.parametrize("keep", [0.9, 0.5, 0.2, 0.05, 0.02])
def test_effective_sparsity_is_never_below_the_true_one(net: nn.Module, keep: float) -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        drawn = {
            n: torch.rand(m.shape, generator=generator) < keep for n, m in read_masks(net).items()
        }
        set_masks(net, Masks(drawn))
        assert effective_sparsity(net, (3, 8, 8)) >= read_masks(net).sparsity


def test_an_episode_leaves_the_weights_of_the_network(make: Make) -> None:
    env = make()
    parameters = dict(env.model.named_parameters())
    before = digest({name: value.detach().clone() for name, value in parameters.items()})
    played(env, 0)
    assert digest({name: value.detach() for name, value in parameters.items()}) == before


def test_observation_and_reward_are_the_formulas_on_the_next_batch(
    net: nn.Module, indices: tuple[Index, ...], draw: Draw
) -> None:
    """Batches 0 to 9 calibrate, 10 is the reset's and round 1's, 11 is what round 1 is seen on."""
    numbers = iter(range(20))
    env = PanningEnv(net, indices, lambda _: draw(next(numbers)), F.cross_entropy, rounds=2)
    first, _ = env.reset(seed=0, options={"target": 0.98})
    dense = [env.screening.dense_slope(draw(number)[0]) for number in range(12)]
    losses, norms = (np.array(values) for values in zip(*dense, strict=True))
    np.testing.assert_allclose(first[0], (losses[10] - losses[1:10].min()) / np.ptp(losses[1:10]))
    np.testing.assert_allclose(first[1], (norms[10] - norms[1:10].min()) / np.ptp(norms[1:10]))
    observation, reward, *_ = env.step(ALIKE)
    masked = slope(net, draw(11)[0], F.cross_entropy, 200.0)
    seen = (
        [*losses[1:10], losses[11], float(masked.loss.detach())],
        [*norms[1:10], norms[11], masked.norm],
    )
    change = [abs(values[-1] - values[-2]) / np.ptp(values) for values in seen]
    places = [(values[-2] - min(values)) / np.ptp(values) for values in seen]
    np.testing.assert_allclose(observation[:4], [*places, change[0], change[1] / 5], rtol=1e-5)
    gap = 100 * abs(observation[5] - observation[4])
    assert reward == pytest.approx(-(gap + change[0] + change[1] / 5), rel=1e-4)
    assert next(numbers) == 12
