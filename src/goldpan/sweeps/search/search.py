"""Searches for good choices: Optuna suggests them, and each suggestion is a cell of a sweep."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldpan.choices import read_word
from goldpan.runs.record import RECORD
from goldpan.runs.rerun import stale
from goldpan.sweeps.cells import Cell, Plan, plan
from goldpan.sweeps.search.objectives import OBJECTIVES, check_objectives, draw_pareto
from goldpan.sweeps.search.study import SAMPLERS, build_sampler, open_study

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

RunPlan = Callable[[Plan], object]
"""Runs the cells of a plan that have no result."""

NOT_ASKED = ("output", "logger", "launcher", "progress", "rerun", "fail_fast", "hydra")
"""Choices that do not tell one search from another."""


@dataclass(frozen=True)
class Search:
    """What a search looks for, and how long.

    Attributes:
        conf: the folder of run.yaml.
        fixed: the overrides of every cell, as typed.
        space: for each option to choose, its possible values.
        objectives: names of OBJECTIVES; the first one ranks the trials.
        trials: how many, with those of earlier commands.
        parallel: trials at a time.
        name: of the file of trials in the output folder; None: one made from the question.

    Raises ValueError if an option is wrong.
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
        if self.sampler not in SAMPLERS:
            raise ValueError(f"hydra.sweeper.sampler is tpe, nsga2 or random, got {self.sampler}")
        check_objectives(self.objectives)

    def cell(self, params: Mapping[str, Any]) -> Cell:
        """Return the cell of a suggestion; raise ValueError if the cell is impossible."""
        chosen = [f"{name}={value}" for name, value in params.items()]
        (cell,) = plan([*self.fixed, *chosen], self.conf).cells
        if "accuracy" in self.objectives and not cell.choices["dataset"]["validation"]:
            raise ValueError(
                "a search by accuracy needs a validation split: dataset.validation=0.1"
            )
        return cell

    def question(self) -> str:
        """A text that differs between searches that may not share their trials."""
        from optuna.distributions import distribution_to_json

        space = {name: distribution_to_json(values) for name, values in self.space.items()}
        fixed = sorted(text for text in self.fixed if read_word(text).root not in NOT_ASKED)
        return json.dumps([fixed, space, list(self.objectives)], sort_keys=True)

    @property
    def path(self) -> Path:
        """The file of the trials."""
        name = self.name or hashlib.sha256(self.question().encode()).hexdigest()[:8]
        return self.output / f"search-{name}.db"


def search(wanted: Search, run_plan: RunPlan) -> str | None:
    """Run trials until the search has all; return what it found, None if no trial has a value.

    Trials that a killed command left come first, and their cells resume from their checkpoints. A
    failed cell is a trial without a value. Raises ValueError if a suggestion is an impossible run,
    or the file is of another search.
    """
    # An option that does not exist is refused here, before there is a file of trials.
    wanted.cell({name: _first(values) for name, values in wanted.space.items()})
    directions = [OBJECTIVES[name].direction for name in wanted.objectives]
    with open_study(wanted.path, wanted.question(), directions) as study:
        while batch := _next_trials(study, wanted):
            cells = {number: wanted.cell(params) for number, params in batch.items()}
            run_plan(Plan(None, {}, [*cells.values()]))
            for number, cell in cells.items():
                _tell(study, number, cell, wanted.objectives)
        return _describe(study, wanted)


def _next_trials(study: "Study", wanted: Search) -> dict[int, dict[str, Any]]:
    """Return number -> suggestion of the trials to run now: those that did not end, or new ones."""
    from optuna.trial import TrialState

    left = {trial.number: trial for trial in study.get_trials(states=(TrialState.RUNNING,))}
    for number in [number for number in left if left[number].params.keys() != wanted.space.keys()]:
        study.tell(number, state=TrialState.FAIL)  # the command was killed while Optuna suggested
        del left[number]
    if left:
        return {number: trial.params for number, trial in left.items()}
    # The number of trials is part of the seed, or a resumed search would repeat its suggestions.
    study.sampler = build_sampler(wanted.sampler, wanted.seed + len(study.trials))
    count = min(wanted.parallel, wanted.trials - len(study.trials))
    asked = [study.ask(dict(wanted.space)) for _ in range(count)]
    return {trial.number: trial.params for trial in asked}


def _tell(study: "Study", number: int, cell: Cell, objectives: Sequence[str]) -> None:
    """Tell Optuna the values of a trial, or that it has none."""
    from optuna.trial import TrialState

    record = cell.record()
    if record is None:
        raise ValueError(
            f"trial {number} was interrupted, or another process is doing it; the same command "
            "resumes the search"
        )
    if part := stale(record, cell.draft):
        print(f"trial {number} is stale: the {part} changed since; rerun=stale repeats its run")
    values = [OBJECTIVES[name].read(record) if record.done else None for name in objectives]
    if None in values:
        study.tell(number, state=TrialState.FAIL)
    else:
        study.tell(number, values)


def _describe(study: "Study", wanted: Search) -> str | None:
    """List the best trials, with the best by the first objective on top; None without values."""
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


def _first(values: "BaseDistribution") -> Any:
    """One of the values, for a first check of the space."""
    return values.choices[0] if hasattr(values, "choices") else values.low
