from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from goldpan.training.length import Length, choose_length, read_length


@pytest.mark.parametrize(
    ("recipe", "steps", "epochs"),
    [(3, 12, 3), ("3ep", 12, 3), ("9it", 9, 3), ("1.5ep", 6, 2)],
)
def test_a_recipe_says_its_epochs_or_its_steps(recipe: str | int, steps: int, epochs: int) -> None:
    length = choose_length(OmegaConf.create({"epochs": recipe}), 4)
    assert (length.steps, length.epochs) == (steps, epochs)


def test_a_duration_counts_in_the_epochs_of_the_data() -> None:
    length = Length(steps=10, epoch_steps=4)
    durations = ("2ep", "3it", "0.5", 0.5, 2, 1.0)
    assert [length.count(one) for one in durations] == [8, 3, 5, 5, 8, 10]


@pytest.mark.parametrize(("least", "steps"), [(None, 12), (9, 9)])
def test_a_trainer_that_asks_for_no_steps_does_whole_epochs(least: int | None, steps: int) -> None:
    data = SimpleNamespace(steps_per_epoch=4)
    trainer: Any = SimpleNamespace(min_steps=least, max_epochs=3, datamodule=data)
    assert read_length(trainer) == Length(steps, 4)
