from collections.abc import Callable

import numpy as np
import pytest
import torch.nn.functional as F
from torch import nn

from goldpan.panning.indices import Index
from goldpan.panning.observation import Observer, Range, Reward
from goldpan.panning.screening import RoundEffect, Screening
from goldpan.types import Batch


def seen() -> Observer:
    """An observer that has seen losses from 1 to 3 and norms from 0 to 10."""
    return Observer(Range(1, 3), Range(0, 10))


def test_a_range_widens_and_places() -> None:
    scale = Range()
    scale.see(2.0)
    assert (scale.low, scale.high) == (2.0, 2.0)
    scale.see(6.0, 4.0)
    assert [scale.place(value) for value in (2.0, 3.0, 6.0)] == [0.0, 0.25, 1.0]
    assert scale.share(-1.0) == scale.share(1.0) == 0.25


def test_a_range_of_one_point_gives_zero() -> None:
    scale = Range()
    scale.see(2.0)
    assert scale.place(2.0) == scale.share(0.0) == 0


def test_before_the_first_round_only_loss_and_norm_are_known() -> None:
    observation = seen().before(2.0, 1.0)
    np.testing.assert_allclose(observation, [0.5, 0.1, 0, 0, 0, 0, 0], rtol=1e-6)
    assert observation.dtype == np.float32


def test_the_seven_observations_and_the_terms_by_hand() -> None:
    """Loss 1.5 -> 2 of a range 1..3; norm 8 -> 3 of 0..10; 0.7 effective of 0.6; round 2 of 4."""
    observation, reward = seen().after(RoundEffect(1.5, 8.0, 2.0, 3.0, 0.7, 0.6), 2, 4)
    np.testing.assert_allclose(observation, [0.25, 0.8, 0.25, 0.1, 0.7, 0.6, 0.25], rtol=1e-6)
    assert reward.gap == pytest.approx(10)
    assert (reward.loss, reward.norm, reward.collapse) == (0.25, pytest.approx(0.1), 0)
    assert reward.value == pytest.approx(-10.35)


def test_ranges_hold_the_masked_values_before_anything_is_placed() -> None:
    """The masked loss 5 makes the range 1..5, the masked norm 20 makes it 0..20."""
    observer = seen()
    observation, reward = observer.after(RoundEffect(3.0, 10.0, 5.0, 20.0, 0.5, 0.5), 1, 4)
    assert (observer.loss, observer.norm) == (Range(1, 5), Range(0, 20))
    np.testing.assert_allclose(observation[:4], [0.5, 0.5, 0.5, 0.1], rtol=1e-6)
    assert reward.value == pytest.approx(-0.6)


def test_a_mask_that_changes_nothing_costs_nothing() -> None:
    _, reward = seen().after(RoundEffect(2.0, 5.0, 2.0, 5.0, 0.6, 0.6), 1, 4)
    assert reward.value == 0


@pytest.mark.parametrize("step", range(4))
def test_a_collapse_costs_the_rounds_that_were_left(step: int) -> None:
    """At step t, from 0, of N = 4: 4 - t more."""
    _, reward = seen().after(RoundEffect(2.0, 5.0, 2.0, 5.0, 1.0, 1.0), step + 1, 4)
    assert reward.value == -(4 - step)
    _, alive = seen().after(RoundEffect(2.0, 5.0, 2.0, 5.0, 0.999, 0.999), step + 1, 4)
    assert alive.value == 0


def test_the_terms_add_up_to_the_reward() -> None:
    assert Reward(1.0, 2.0, 4.0, 8.0).value == -15


def test_calibration_draws_ten_batches_and_overwrites_the_first_as_the_authors_do(
    net: nn.Module, indices: tuple[Index, ...], draw: Callable[[int], list[Batch]]
) -> None:
    drawn: list[int] = []

    def noted(number: int) -> list[Batch]:
        drawn.append(number)
        return draw(number)

    screening = Screening(net, indices, noted, F.cross_entropy, sparsity=0.9, rounds=2)
    screening.step([1, 1, 1])
    drawn.clear()
    observer = Observer()
    observer.calibrate(screening, -10)
    assert drawn == list(range(-10, 0))
    slopes = [screening.dense_slope(draw(number)[0]) for number in drawn]
    losses, norms = zip(*slopes[1:], strict=True)
    assert observer.loss == Range(min(losses), max(losses))
    assert observer.norm == Range(min(norms), max(norms))
    all_ten = Observer(observe="same")
    all_ten.calibrate(screening, -10)
    losses, norms = zip(*slopes, strict=True)
    assert all_ten.loss == Range(min(losses), max(losses))
    assert all_ten.norm == Range(min(norms), max(norms))


def test_a_reset_widens_no_range_and_may_lie_outside() -> None:
    observer = seen()
    np.testing.assert_allclose(observer.before(0.9, 12.0)[:2], [-0.05, 1.2], rtol=1e-6)
    assert (observer.loss, observer.norm) == (Range(1, 3), Range(0, 10))
    same = Observer(Range(1, 3), Range(0, 10), "same")
    assert same.before(0.9, 12.0)[:2].tolist() == [0, 1]
    assert (same.loss, same.norm) == (Range(0.9, 3), Range(0, 12))
