"""What a search may look for, and the figure of the trade-off between two objectives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from goldpan.pictures import COLOURS, figure
from goldpan.runs.record import Record


@dataclass(frozen=True)
class Objective:
    """A number of a record, whether high or low is better, and its name with its unit."""

    direction: Literal["maximize", "minimize"]
    label: str
    read: Callable[[Record], float | None]


def _accuracy(record: Record) -> float | None:
    best = record.accuracy("best")
    return None if best is None else best.val


def _flops(record: Record) -> float | None:
    if record.channels is not None:
        return record.channels.flops_left
    return None if record.weights is None else record.weights.flops_without_cut


def _parameters(record: Record) -> float | None:
    if record.channels is not None:
        return record.channels.parameters_left
    return None if record.weights is None else record.weights.parameters_kept


OBJECTIVES = {
    "accuracy": Objective("maximize", "validation accuracy (%)", _accuracy),
    "flops": Objective("minimize", "FLOPs", _flops),
    "parameters": Objective("minimize", "parameters kept", _parameters),
}


def check_objectives(names: Sequence[str]) -> None:
    """Raise ValueError for a name that is not in OBJECTIVES, above all for a test accuracy."""
    if tests := [name for name in names if "test" in name]:
        raise ValueError(
            f"{tests[0]} would choose by the test set, and its accuracy then says nothing of new "
            "images; choose accuracy, which is of the validation split"
        )
    if not names or set(names) - OBJECTIVES.keys() or len(set(names)) < len(names):
        known = ", ".join(OBJECTIVES)
        raise ValueError(f"hydra.sweeper.objectives are one or more of {known}; got {list(names)}")


def draw_pareto(
    trials: Sequence[Sequence[float]],
    front: Sequence[Sequence[float]],
    objectives: Sequence[str],
    path: Path,
) -> Path:
    """Draw the values of all trials, and join those that no other trial beats in both."""
    with figure(path, 1, 1, (7, 4.5)) as ((axis,),):
        ordinates, abscissae = zip(*trials, strict=True)
        axis.plot(abscissae, ordinates, "o", color="0.7", label=f"{len(trials)} trials")
        ordinates, abscissae = zip(*sorted(front, key=lambda values: values[1]), strict=True)
        looks = {"color": COLOURS[0], "drawstyle": "steps-post"}
        axis.plot(abscissae, ordinates, "o-", label="Pareto set", **looks)
        axis.set(ylabel=OBJECTIVES[objectives[0]].label, xlabel=OBJECTIVES[objectives[1]].label)
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    return path
