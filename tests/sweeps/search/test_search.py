"""Searches, with cells that end at once: what is run, what is found, how a search is resumed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from goldpan.runs.record import RECORD, Record
from goldpan.runs.results import Accuracies, Accuracy, Sparsity, WeightResult
from goldpan.sweeps.cells import Cell, Plan
from goldpan.sweeps.search.search import Search, search
from goldpan.sweeps.search.spaces import read_spaces

pytest.importorskip("optuna")

CONF = Path(__file__).parents[3] / "conf"
TYPED = (
    "logger=none",
    "recipe.optimizer.lr=tag(log,interval(0.01,1))",
    "sparsity=choice(0.9,0.95)",
)


def wanted(folder: Path, **options: Any) -> Search:
    fixed, space = read_spaces([*TYPED, f"output={folder}"])
    return Search(CONF, fixed, space, folder, **options)


def rate(cell: Cell) -> float:
    return float(cell.choices["recipe"]["optimizer"]["lr"])


def finished(cell: Cell) -> Record:
    """A run whose validation accuracy falls with the learning rate, and its FLOPs too."""
    best = Accuracy(epoch=1, test=0, val=100 * (1 - rate(cell)))
    found, flops = Accuracies(best, best), int(1000 * (1 - rate(cell)))
    kept = WeightResult(Sparsity(0.9, 0.9, 0.9, 0.9, {}), 1000, 100, flops, masks="")
    return replace(cell.draft, status="finished", error=None, accuracies=found, weights=kept)


def done(seen: list[Cell], end: Callable[[Cell], Record] = finished) -> Callable[[Plan], None]:
    """What runs a plan: each cell ends at once."""

    def run_plan(planned: Plan) -> None:
        for cell in planned.runs:
            seen.append(cell)
            cell.folder.mkdir(parents=True, exist_ok=True)
            end(cell).write(cell.folder / RECORD)

    return run_plan


def test_suggestions_are_cells_and_the_best_is_named(tmp_path: Path) -> None:
    seen: list[Cell] = []
    found = search(wanted(tmp_path, trials=5, parallel=2), done(seen))
    assert len(seen) == 5
    best = min(seen, key=rate)
    assert found is not None
    assert "5 trials, 0 of them without a value" in found
    assert f"recipe.optimizer.lr={rate(best)}" in found
    assert str(best.folder / RECORD) in found
    assert all(0.01 <= rate(cell) <= 1 for cell in seen)


def test_typed_again_it_goes_on_to_so_many_trials_in_all(tmp_path: Path) -> None:
    seen: list[Cell] = []
    search(wanted(tmp_path, trials=3), done(seen))
    assert search(wanted(tmp_path, trials=3), done(seen)) is not None
    assert len(seen) == 3
    search(wanted(tmp_path, trials=5), done(seen))
    assert len({cell.folder for cell in seen}) == 5


def test_trials_that_were_cut_short_come_first(tmp_path: Path) -> None:
    def killed(planned: Plan) -> None:
        seen.extend(planned.runs)
        raise KeyboardInterrupt

    seen: list[Cell] = []
    with pytest.raises(KeyboardInterrupt):
        search(wanted(tmp_path, trials=3, parallel=2), killed)
    again: list[Cell] = []
    search(wanted(tmp_path, trials=3, parallel=2), done(again))
    assert [cell.folder for cell in again[:2]] == [cell.folder for cell in seen]
    assert len(again) == 3


@pytest.mark.slow
def test_a_failed_cell_is_a_trial_without_a_value(tmp_path: Path) -> None:
    def some_fail(cell: Cell) -> Record:
        return cell.draft if rate(cell) > 0.1 else finished(cell)

    seen: list[Cell] = []
    found = search(wanted(tmp_path, trials=6), done(seen, some_fail))
    failed = sum(rate(cell) > 0.1 for cell in seen)
    assert 0 < failed < 6
    assert f"6 trials, {failed} of them without a value" in str(found)
    assert search(wanted(tmp_path / "all", trials=2), done([], lambda cell: cell.draft)) is None


@pytest.mark.slow
def test_two_objectives_have_a_pareto_set_and_a_picture(tmp_path: Path) -> None:
    options = {"trials": 4, "objectives": ("accuracy", "flops"), "sampler": "nsga2"}
    found = search(wanted(tmp_path, **options), done([]))
    assert str(found).count("best: ") == 4  # each is better than another in one of the two
    (picture,) = tmp_path.glob("search-*.png")
    assert picture.stat().st_size > 1000
    assert str(picture) in str(found)


@pytest.mark.slow
def test_the_same_seed_suggests_the_same(tmp_path: Path) -> None:
    first: list[Cell] = []
    second: list[Cell] = []
    other: list[Cell] = []
    search(wanted(tmp_path / "a", trials=3), done(first))
    search(wanted(tmp_path / "b", trials=3), done(second))
    search(wanted(tmp_path / "c", trials=3, seed=1), done(other))
    assert [rate(cell) for cell in first] == [rate(cell) for cell in second]
    assert [rate(cell) for cell in first] != [rate(cell) for cell in other]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"objectives": ("test_accuracy",)}, "choose by the test set"),
        ({"objectives": ("speed",)}, "accuracy, flops, parameters; got"),
        ({"objectives": ()}, "one or more"),
        ({"trials": 0}, "trials is at least 1, got 0"),
        ({"parallel": 0}, "parallel is at least 1, got 0"),
        ({"sampler": "grid"}, "got grid"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        wanted(tmp_path, **options)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["seed=1"], "nothing to choose"),
        (["recipe.epoch=interval(1,3)"], "did you mean recipe.epochs"),
        (["sparsity=interval(1,2)"], "fraction in"),
        (["sparsity=interval(0.9,0.1)"], "sparsity=interval"),
        (["seed=1,2", "dataset.validation=0"], "needs a validation split"),
    ],
)
def test_a_space_that_cannot_be_is_refused_before_any_trial(
    tmp_path: Path, typed: list[str], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        search(Search(CONF, *read_spaces([*typed, f"output={tmp_path}"]), tmp_path), done([]))
    assert not list(tmp_path.iterdir())


def test_where_a_search_runs_is_no_part_of_its_question(tmp_path: Path) -> None:
    def question(*fixed: str) -> str:
        return replace(wanted(tmp_path), fixed=fixed).question()

    assert question("seed=1", "+launcher.slots=2", "output=x") == question("seed=1")
    assert question("seed=1") != question("seed=2")
    assert wanted(tmp_path).path != wanted(tmp_path, objectives=("flops",)).path
