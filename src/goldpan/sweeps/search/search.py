"""Searches good choices: Optuna suggests, and each suggestion is a cell like any other."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from goldpan.runs.record import RECORD
from goldpan.sweeps.cells import Cell, Plan, plan
from goldpan.sweeps.search.objectives import OBJECTIVES, check_objectives, draw_pareto

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

Do = Callable[[Plan], object]
"""Runs what is missing of a plan."""

ELSEWHERE = ("output", "logger", "launcher", "progress", "retry")
"""Choices that make no other search of a search."""


@dataclass(frozen=True)
class Search:
    """What is fixed, as typed for `conf`; what is chosen from; by which objectives; how long.

    It asks for `parallel` trials at a time, until there are `trials` with those of earlier
    commands. `name` is that of its file in the output folder; None: one that tells searches apart.

    Raises:
        ValueError: if it cannot be.
    """

    conf: Path
    fixed: Sequence[str]
    space: "Mapping[str, BaseDistribution]"
    output: Path
    objectives: Sequence[str] = ("accuracy",)
    trials: int = 20
    parallel: int = 1
    sampler: str = "tpe"
    seed: int = 0
    name: str | None = None

    def __post_init__(self) -> None:
        for name in ("trials", "parallel"):
            if getattr(self, name) < 1:
                raise ValueError(f"hydra.sweeper.{name} is at least 1, got {getattr(self, name)}")
        if not self.space:
            raise ValueError("there is nothing to choose: give name=interval(LOW,HIGH) or name=A,B")
        if self.sampler not in ("tpe", "nsga2", "random"):
            raise ValueError(f"hydra.sweeper.sampler is tpe, nsga2 or random, got {self.sampler}")
        check_objectives(self.objectives)

    def cell(self, params: Mapping[str, Any]) -> Cell:
        """The cell of a suggestion.

        Raises:
            ValueError: if it cannot be.
        """
        chosen = [f"{name}={value}" for name, value in params.items()]
        (cell,) = plan([*self.fixed, *chosen], self.conf).cells
        if "accuracy" in self.objectives and not cell.choices["dataset"]["validation"]:
            raise ValueError(
                "a search by accuracy needs a validation split: dataset.validation=0.1"
            )
        return cell

    def says(self) -> str:
        """What tells it from other searches."""
        from optuna.distributions import distribution_to_json

        space = {name: distribution_to_json(values) for name, values in self.space.items()}
        fixed = sorted(text for text in self.fixed if not text.lstrip("+~").startswith(ELSEWHERE))
        return json.dumps([fixed, space, list(self.objectives)], sort_keys=True)

    @property
    def path(self) -> Path:
        """The file that holds its trials."""
        name = self.name or hashlib.sha256(self.says().encode()).hexdigest()[:8]
        return self.output / f"search-{name}.db"


def search(wanted: Search, do: Do) -> str | None:
    """Go on with the search until it has all its trials; say what it found, None for nothing.

    Trials that did not end, because the command was killed, are done first: their cells go on from
    their checkpoints. A failed cell is a trial without a value.

    Raises:
        ValueError: if a suggestion cannot be a run, or the search cannot go on here.
    """
    wanted.cell({name: _first(values) for name, values in wanted.space.items()})
    with _studying(wanted) as study:
        while batch := _next(study, wanted):
            cells = {number: wanted.cell(params) for number, params in batch.items()}
            do(Plan(None, {}, [*cells.values()]))
            for number, cell in cells.items():
                _tell(study, number, cell, wanted.objectives)
        return _found(study, wanted)


def _next(study: "Study", wanted: Search) -> dict[int, dict[str, Any]]:
    """Number -> suggestion of each trial to do now: those left undone, or else new ones."""
    from optuna.trial import TrialState

    left = {trial.number: trial for trial in study.get_trials(states=(TrialState.RUNNING,))}
    for number in [number for number in left if left[number].params.keys() != wanted.space.keys()]:
        study.tell(number, state=TrialState.FAIL)  # killed before it was all suggested
        del left[number]
    if left:
        return {number: trial.params for number, trial in left.items()}
    study.sampler = _sampler(wanted, len(study.trials))
    count = min(wanted.parallel, wanted.trials - len(study.trials))
    asked = [study.ask(dict(wanted.space)) for _ in range(count)]
    return {trial.number: trial.params for trial in asked}


def _tell(study: "Study", number: int, cell: Cell, objectives: Sequence[str]) -> None:
    from optuna.trial import TrialState

    record = cell.record()
    if record is None:
        raise ValueError(
            f"trial {number} was interrupted or another process is at it; the same command goes on"
        )
    values = [OBJECTIVES[name].read(record) if record.done else None for name in objectives]
    if None in values:
        study.tell(number, state=TrialState.FAIL)
    else:
        study.tell(number, values)


def _found(study: "Study", wanted: Search) -> str | None:
    """The best trials, with the best by the first objective on top."""
    best = sorted(study.best_trials, key=lambda trial: trial.values, reverse=True)
    ended = [trial for trial in study.get_trials() if trial.values]
    lines = [
        f"{len(study.trials)} trials, {len(study.trials) - len(ended)} of them without a value"
    ]
    for trial in best if len(wanted.objectives) > 1 else best[:1]:
        named = zip(wanted.objectives, trial.values, strict=True)
        values = ", ".join(f"{OBJECTIVES[name].label} {value:.10g}" for name, value in named)
        chosen = " ".join(f"{name}={value}" for name, value in trial.params.items())
        record = wanted.cell(trial.params).folder / RECORD
        lines.append(f"best: {values} with {chosen}; record: {record}")
    if len(wanted.objectives) == 2 and ended:
        picture = wanted.path.with_suffix(".png")
        points, front = [[trial.values for trial in some] for some in (ended, best)]
        lines.append(f"picture: {draw_pareto(points, front, wanted.objectives, picture)}")
    return "\n".join(lines) if ended else None


@contextmanager
def _studying(wanted: Search) -> Iterator["Study"]:
    """The study in the search's file, which no other process is at."""
    import optuna

    path = wanted.path
    path.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with FileLock(path.with_suffix(".lock"), timeout=0):
            storage = optuna.storages.RDBStorage(f"sqlite:///{path.absolute()}")
            study = optuna.create_study(
                storage=storage,
                study_name="search",
                directions=[OBJECTIVES[name].direction for name in wanted.objectives],
                load_if_exists=True,
            )
            if study.user_attrs.setdefault("search", wanted.says()) != wanted.says():
                raise ValueError(f"{path} is of another search; choose another hydra.sweeper.name")
            study.set_user_attr("search", wanted.says())
            yield study
            storage.engine.dispose()
    except Timeout as error:
        raise ValueError(f"another process is at the search of {path}") from error


def _sampler(wanted: Search, trials: int) -> "BaseSampler":
    """Seeded by the trials so far too, lest a search that goes on suggests the same again."""
    from optuna import samplers

    seed = wanted.seed + trials
    if wanted.sampler == "nsga2":
        return samplers.NSGAIISampler(seed=seed)
    return (
        samplers.TPESampler(seed=seed)
        if wanted.sampler == "tpe"
        else samplers.RandomSampler(seed=seed)
    )


def _first(values: "BaseDistribution") -> Any:
    return values.choices[0] if hasattr(values, "choices") else values.low
