from collections.abc import Callable

import pytest
import torch
from omegaconf import DictConfig

from goldpan.procedures.recipe import build_rate, choose_loss
from goldpan.training.length import Length

Configure = Callable[..., DictConfig]


def test_milestones_are_resolved_once_the_steps_are_known(configure: Configure) -> None:
    """The rate of SNFS falls at steps 25,000 and 50,000, and never in a shorter run."""
    recipe = configure("recipe=snfs_mnist").recipe
    whole, short = (build_rate(recipe, Length(steps, 540)) for steps in (54_000, 20_000))
    assert [whole(step / 54_000) for step in (24_999, 25_000, 50_000)] == pytest.approx(
        [1, 0.1, 0.01]
    )
    assert short(1.0) == 1


def test_a_schedule_without_milestones_is_taken_as_it_is(configure: Configure) -> None:
    assert build_rate(configure("recipe=quick").recipe, Length(10, 5))(0.5) == pytest.approx(0.5)


@pytest.mark.parametrize("warm_up", ["5it", "1ep", 0.5])
def test_a_warm_up_is_as_long_as_any_duration_says(warm_up: str, configure: Configure) -> None:
    recipe = configure("recipe=quick", f"recipe.warm_up={warm_up}").recipe
    rate = build_rate(recipe, Length(10, 5))
    assert [rate(0), rate(0.25), rate(0.5)] == pytest.approx([0, 0.8536 / 2, 0.5], abs=1e-4)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), 0.3133),  # log(1 + e^-1)
        (("recipe.label_smoothing=0.5",), 0.5633),  # a quarter of it is of the other class
        (("recipe.loss=sigmoid_mse",), 0.1612),  # (0.5^2 + 0.2689^2) / 2
        (("recipe.loss=sigmoid_mse_twice",), 0.1612),
    ],
)
def test_the_loss_is_the_one_that_is_named(
    configure: Configure, words: tuple[str, ...], expected: float
) -> None:
    loss = choose_loss(configure(*words).recipe)
    value = loss(torch.tensor([[0.0, 1.0]]), torch.tensor([1]))
    assert value.item() == pytest.approx(expected, abs=1e-4)
