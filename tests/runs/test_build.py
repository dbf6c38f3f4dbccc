"""What a configuration may call, and what is refused in one sentence."""

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from goldpan.runs.build import build, check_target

ECHO = {"_target_": "subprocess.check_output", "args": ["true"]}


@pytest.mark.parametrize("part", [ECHO, {"_target_": "torch.nn.Sequential", "_args_": [ECHO]}])
@pytest.mark.parametrize("made", [dict, OmegaConf.create])
def test_a_target_of_a_strange_package_is_not_called(
    part: Any, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "check_output", lambda args: pytest.fail("it was called"))
    with pytest.raises(ValueError, match=r"^subprocess.check_output is of subprocess, and only"):
        build(made(part))


def test_packages_that_the_user_names_are_called() -> None:
    cfg = OmegaConf.create({"allowed": ["fractions"], "part": {"_target_": "fractions.Fraction"}})
    assert build(cfg.part, numerator=3) == 3
    check_target("fractions.Fraction", ["fractions"])
    with pytest.raises(ValueError, match=r"if you trust it, type allowed=\[fractions\]$"):
        check_target("fractions.Fraction", [])


def test_the_users_own_modules_and_known_libraries_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configure: Callable[..., DictConfig]
) -> None:
    (tmp_path / "nets_of_mine.py").write_text("def net(width):\n    return width")
    monkeypatch.syspath_prepend(tmp_path)
    assert build({"_target_": "nets_of_mine.net", "width": 3}) == 3
    assert build(configure("recipe.optimizer.lr=2").recipe.optimizer).keywords["lr"] == 2
    assert build(None) is None


def test_a_partial_is_a_plain_one_that_hydra_does_not_check_at_each_call() -> None:
    steps = build(
        {
            "_target_": "goldpan.schedules.learning_rate.steps",
            "_partial_": True,
            "milestones": [0.5],
        }
    )
    assert type(steps) is partial
    assert (steps(0.4), steps(0.6)) == (1.0, 0.1)
