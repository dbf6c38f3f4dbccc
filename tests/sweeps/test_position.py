"""Where a training stands, from its files."""

from typing import Any

from goldpan.sweeps.position import read_position


def test_the_curve_tells_the_epoch_the_accuracy_and_the_pace(cells: Any) -> None:
    (cell,) = cells()
    assert read_position(cell) is None
    cells.train(cell, 4, 30)
    position = read_position(cell)
    assert position is not None
    assert (position.place, position.measured) == ("epoch 4 of 10", "validation 91.20 %")
    assert (position.fraction, position.total) == (0.4, 300)


def test_a_recipe_in_steps_is_told_in_steps(cells: Any) -> None:
    (cell,) = cells("recipe.epochs=100it")
    cells.train(cell, 4, 30)
    position = read_position(cell)
    assert position is not None
    assert position.place == "step 20 of 100"


def test_of_several_rounds_the_one_that_was_written_last_counts(cells: Any) -> None:
    (cell,) = cells()
    cells.train(cell, 4, 30, place="round1")
    position = read_position(cell)
    assert position is not None
    assert position.done == 4


def test_what_is_no_curve_tells_nothing(cells: Any) -> None:
    (cell,) = cells()
    cell.folder.mkdir()
    for text in ("", "epoch,step\n", "epoch,step\n1,x\n", "round\n1\n"):
        (cell.folder / "metrics.csv").write_text(text)
        assert read_position(cell) is None
