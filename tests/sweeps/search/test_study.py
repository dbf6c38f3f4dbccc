from pathlib import Path

import pytest
from filelock import FileLock

from goldpan.sweeps.search.study import SAMPLERS, build_sampler, open_study

optuna = pytest.importorskip("optuna")


def test_a_file_of_trials_is_of_one_search(tmp_path: Path) -> None:
    path = tmp_path / "new" / "search-mine.db"
    with open_study(path, "which seed?", ["maximize"]) as study:
        study.tell(study.ask(), 1)
    with open_study(path, "which seed?", ["maximize"]) as study:
        assert len(study.trials) == 1
    with (
        pytest.raises(ValueError, match=r"search-mine.db is of another search"),
        open_study(path, "which rate?", ["maximize"]),
    ):
        pass


def test_one_process_searches_at_a_time(tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / "search.lock"),
        pytest.raises(ValueError, match="another process is doing the search"),
        open_study(tmp_path / "search.db", "which seed?", ["maximize"]),
    ):
        pass


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_repeats_itself_by_its_seed(name: str) -> None:
    def suggested(seed: int) -> float:
        study = optuna.create_study(sampler=build_sampler(name, seed))
        return float(study.ask().suggest_float("rate", 0, 1))

    assert suggested(0) == suggested(0) != suggested(1)
