"""What every sparsity schedule promises, over each file of conf/schedule."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import DictConfig

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "schedule").glob("*.yaml")))
@pytest.mark.parametrize("target", [0.0, 0.5, 0.9, 0.9999])
def test_it_rises_to_its_target_inside_the_range(
    name: str, target: float, configure: Callable[..., DictConfig]
) -> None:
    schedule = instantiate(configure(f"schedule={name}", f"sparsity={target}").schedule)
    values = [schedule(step / 50) for step in range(51)]
    assert values[-1] == target
    assert values == sorted(values)
    assert all(0 <= value < 1 for value in values)
