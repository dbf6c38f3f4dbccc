"""What the folders of cells tell of a running sweep."""

from pathlib import Path
from typing import Any

from goldpan.runs.record import CHECKPOINT
from goldpan.sweeps.cells import Cell
from goldpan.sweeps.times import Times, hardware_of
from goldpan.sweeps.watch import Watch


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def watch(some: list[Cell]) -> tuple[Watch, Clock]:
    clock = Clock()
    return Watch(some, Times(hardware_of(some)), clock), clock


def test_a_cell_runs_from_what_it_writes_first_to_its_end(cells: Any) -> None:
    first, second = cells("seed=0,1")
    seen, _ = watch([first, second])
    assert not seen.look()
    cells.begin(first)
    assert [one.cell for one in seen.look()] == [first]
    assert not seen.look()
    cells.train(first, 1, 30)
    (one,) = seen.look()
    assert one.position is not None
    assert one.position.place == "epoch 1 of 10"
    seen.end(first, None)
    assert not seen.running
    assert [*seen.waiting] == [second.folder]


def test_an_old_curve_counts_where_the_run_goes_on_from_it(cells: Any) -> None:
    goes_on, over = cells("seed=0,1")
    for cell in (goes_on, over):
        cells.train(cell, 4, 30)
    seen, _ = watch([goes_on, over])
    assert not seen.look()  # the sweep has begun neither
    (over.folder / CHECKPOINT).unlink()
    cells.begin(goes_on)
    cells.begin(over)
    found = {one.cell.folder: one.position for one in seen.look()}
    assert found[over.folder] is None
    position = found[goes_on.folder]
    assert position is not None
    assert position.done == 4


def test_the_end_comes_from_the_pace_before_any_cell_has_ended(cells: Any) -> None:
    some = cells("seed=0,1,2,3")
    seen, clock = watch(some)
    assert seen.left() is None
    for cell in some[:2]:
        cells.begin(cell)
    seen.look()
    assert seen.left() is None
    cells.train(some[0], 2, 30)  # 300 s in all, 60 done
    seen.look()
    assert seen.left() == (240 + 3 * 300) / 2
    clock.now = 10
    assert seen.left() == (230 + 290 + 2 * 300) / 2


def test_cells_that_have_ended_and_records_tell_the_end(cells: Any) -> None:
    first, second, third = cells("seed=0,1,2")
    seen, _ = watch([first, second, third])
    cells.finish(first, 100)
    cells.begin(second)
    seen.look()
    seen.end(first, first.record())
    assert seen.left() == 200


def test_a_cell_unlike_the_others_is_taken_for_their_mean(cells: Any, tmp_path: Path) -> None:
    known, other = cells("model=vgg11,vgg16")
    seen, _ = watch([known, other])
    cells.train(known, 5, 30)
    cells.begin(known)
    seen.look()
    assert seen.left() == 150 + 300
