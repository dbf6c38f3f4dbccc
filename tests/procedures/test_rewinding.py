"""Where retrainings begin and end."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from omegaconf import DictConfig

from goldpan.procedures.rewinding import Point, find_point, lengthened

SHORT = ("recipe.epochs=2",)
STEPS = 5
"""In an epoch."""

Configure = Callable[..., DictConfig]


def test_rewinding_the_rate_over_the_whole_training_is_rewinding_to_0_but_for_the_weights(
    configure: Configure,
) -> None:
    cfg = configure("method=lottery", *SHORT)
    weights = find_point(cfg, STEPS, {"weights": "0it", "rate": True}, None)
    rate = find_point(cfg, STEPS, {"weights": None, "rate": True}, 2)
    assert replace(rate, rewound=0) == weights


def test_a_rate_rewound_past_the_beginning_is_refused(configure: Configure) -> None:
    cfg = configure("method=lottery", *SHORT)
    with pytest.raises(ValueError, match=r"3 are 15 steps .* past the beginning of .* 10"):
        find_point(cfg, STEPS, {"weights": None, "rate": True}, 3)


def test_without_a_rewound_rate_the_training_goes_on_after_its_end(configure: Configure) -> None:
    cfg = configure("method=finetuning", *SHORT)
    all_again = find_point(cfg, STEPS, {"weights": None, "rate": False}, None)
    assert all_again == Point(10, 20, None, None)
    assert lengthened(cfg, all_again.end, STEPS).recipe.epochs == 4
    assert find_point(cfg, STEPS, {"weights": None, "rate": False}, 1).end == 15
    assert find_point(cfg, STEPS, {"weights": "3it", "rate": False}, None).end == 17


def test_the_length_of_a_training_may_be_in_steps(configure: Configure) -> None:
    cfg = configure("method=lottery", *SHORT, "recipe.epochs=7it")
    assert find_point(cfg, STEPS, {"weights": "6it", "rate": True}, None) == Point(6, 7, 6, 6)
    with pytest.raises(ValueError, match="step 7, not before the end of a training of 7"):
        find_point(cfg, STEPS, {"weights": "7it", "rate": True}, None)
    assert lengthened(cfg, 9, STEPS).recipe.epochs == "9it"


@pytest.mark.parametrize("epochs", ["5it", "1ep", 0.5, 1])
def test_a_retraining_is_as_long_as_any_duration_says(
    epochs: str | float, configure: Configure
) -> None:
    cfg = configure("method=lr_rewinding", *SHORT)
    assert find_point(cfg, STEPS, {"weights": None, "rate": True}, epochs).start == 5
