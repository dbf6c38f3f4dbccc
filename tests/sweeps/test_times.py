"""How long a cell takes, from records."""

from pathlib import Path
from typing import Any

from goldpan.sweeps.times import read_times


def test_runs_that_differ_in_the_seed_tell_how_long_a_cell_takes(
    cells: Any, tmp_path: Path
) -> None:
    first, second, third = cells("seed=0,1,2")
    cells.finish(first, 100)
    cells.finish(second, 140)
    (other,) = cells("seed=0", "method=grasp")
    cells.finish(other, 999)
    assert read_times([third], tmp_path / "none").expected(third) == 120


def test_without_any_the_runs_of_another_method_in_the_same_setting_do(
    cells: Any, tmp_path: Path
) -> None:
    (snip,) = cells("seed=0")
    cells.finish(snip, 100)
    others = {
        "same": cells("seed=1", "method=grasp", "sparsity=0.98"),
        "longer": cells("recipe.epochs=20"),
        "another model": cells("model=vgg16"),
        "another dataset": cells("dataset.limit=100"),
    }
    found = {}
    for name, (cell,) in others.items():
        found[name] = read_times([cell], tmp_path / "none").expected(cell)
    assert found == {"same": 100, "longer": None, "another model": None, "another dataset": None}


def test_runs_on_other_hardware_count_only_where_the_cells_run_elsewhere(
    cells: Any, tmp_path: Path
) -> None:
    first, second = cells("seed=0,1")
    cells.finish(first, 100, cpu="another processor")
    assert read_times([second], tmp_path / "none").expected(second) is None
    (remote,) = cells("seed=1", "launcher=slurm")
    assert read_times([remote], tmp_path / "none").expected(remote) == 100


def test_records_of_the_folder_results_count_and_broken_ones_do_not(
    cells: Any, tmp_path: Path
) -> None:
    first, second = cells("seed=0,1")
    cells.finish(first, 100)
    place = tmp_path / "results/a table"
    place.mkdir(parents=True)
    first.folder.rename(place / first.folder.name)
    first.folder.mkdir()
    (first.folder / "record.json").write_text("{}")
    assert read_times([second], tmp_path / "results").expected(second) == 100
