"""Which methods are best as far as the seeds tell."""

from collections.abc import Callable, Sequence
from typing import Any

from goldpan.reports.pairs import best_cells

METHODS = ("dense", "snip", "grasp", "random")


def best(made_up: Any) -> set[tuple[str, str]]:
    return best_cells(made_up.results.panels[0], made_up.table)


def accuracies(**methods: Sequence[float]) -> dict[str, float]:
    pairs = ((name, seed, v) for name, values in methods.items() for seed, v in enumerate(values))
    return {f"{name}-{0 if name == 'dense' else 0.9}-{seed}": v for name, seed, v in pairs}


def test_what_the_seeds_do_not_tell_from_the_best_is_best_too(
    plan_table: Callable[..., Any],
) -> None:
    made_up = plan_table(methods=METHODS)
    # random is 30 points below by both seeds; grasp 2 points below by one and above by the other.
    made_up.write(accuracies(dense=(99, 99), snip=(93, 92), grasp=(91, 92.5), random=(63, 62.1)))
    assert best(made_up) == {("snip", "0.9"), ("grasp", "0.9")}


def test_one_seed_tells_nothing_and_one_method_is_no_best(plan_table: Callable[..., Any]) -> None:
    made_up = plan_table(methods=METHODS)
    made_up.write(accuracies(dense=(99, 99), snip=(93,)))
    assert best(made_up) == set()
    made_up.write(accuracies(random=(60,)))
    assert best(made_up) == {("snip", "0.9"), ("random", "0.9")}
