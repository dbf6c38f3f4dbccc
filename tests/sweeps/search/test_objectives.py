from pathlib import Path

import pytest

from goldpan.sweeps.search.objectives import check_objectives, draw_pareto


def test_a_test_accuracy_is_no_objective() -> None:
    check_objectives(["accuracy", "flops"])
    with pytest.raises(ValueError, match="test_accuracy would choose by the test set"):
        check_objectives(["test_accuracy"])


def test_a_picture_of_trials(tmp_path: Path) -> None:
    trials = [(90.0, 100.0), (80.0, 50.0), (70.0, 80.0)]
    path = draw_pareto(trials, trials[:2], ("accuracy", "flops"), tmp_path / "front.png")
    assert path.stat().st_size > 1000
