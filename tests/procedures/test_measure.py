from goldpan.procedures.measure import choose_accuracies
from goldpan.runs.curve import Row
from goldpan.runs.results import Accuracy


def row(step: int, test: float, val: float, sparsity: float = 0.9) -> Row:
    """An evaluation, of which there are ten an epoch."""
    accuracies = {"test/accuracy": test, "val/accuracy": val}
    return {"epoch": 1 + (step - 1) // 1000, "step": step, "sparsity": sparsity} | accuracies


def test_the_best_of_the_last_five_evaluations_is_not_the_best_of_all() -> None:
    tests = [90.0, 97.0, 91.0, 92.0, 95.0, 93.0, 94.0]
    curve = [row(100 * step, test, val=50.0 + step) for step, test in enumerate(tests, 1)]
    found = choose_accuracies(curve)
    assert found.best_on_test == Accuracy(1, 97.0, val=52.0, step=200)
    assert found.best_on_test_of_last_5 == Accuracy(1, 95.0, val=55.0, step=500)
    assert found.last == found.best == Accuracy(1, 94.0, val=57.0, step=700)


def test_an_evaluation_before_the_final_sparsity_is_never_the_best() -> None:
    curve = [row(1000, 99.0, 99.0, sparsity=0.5), row(2000, 90.0, 90.0), row(2500, 89.0, 89.0)]
    found = choose_accuracies(curve)
    assert found.best == found.best_on_test == found.best_on_test_of_last_5
    assert found.best == Accuracy(2, 90.0, val=90.0, step=2000)
    assert found.last.epoch == 3
