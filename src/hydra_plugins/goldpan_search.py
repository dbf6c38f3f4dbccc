"""Hydra's sweeper for a search: Optuna suggests cells, and the chosen launcher runs them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

PARALLEL = 4
"""Trials at a time, if the launcher has no slots."""


class GoldpanSearch(Sweeper):
    """Searches the intervals and choices that were typed; GoldpanSearchConf has the options."""

    def __init__(
        self, params: dict[str, str] | None = None, parallel: int | None = None, **options: Any
    ) -> None:
        self.params, self.parallel, self.options = params or {}, parallel, options

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep the configuration. goldpan runs the cells itself, without the task function."""
        self.cfg = config

    def sweep(self, arguments: Sequence[str]) -> Any:
        """Run the trials, print the best of them, and exit with 1 if there is none."""
        from goldpan.choices import SEARCHPATH
        from goldpan.runs.refusal import interruptible, refusing
        from goldpan.runs.sentences import hydra_prints, one_sentence
        from goldpan.sweeps.search.search import Search, search
        from goldpan.sweeps.search.spaces import read_spaces
        from goldpan.sweeps.sweep import conf_of, sweep_by

        hydra_prints()
        with one_sentence(), refusing(), interruptible():
            if self.cfg.fail_fast:
                raise ValueError(
                    "fail_fast=true ends a sweep; a search takes a failed cell for a trial without "
                    "a value: leave it out"
                )
            params = [f"{name}={value}" for name, value in self.params.items()]
            fixed, space = read_spaces([*params, *arguments])
            fixed += [text for text in self.cfg.hydra.overrides.hydra if SEARCHPATH in text]
            parallel = self.parallel or self.cfg.launcher.get("slots") or PARALLEL
            output = Path(self.cfg.output)
            wanted = Search(
                conf_of(self.cfg), fixed, space, output, parallel=parallel, **self.options
            )
            found = search(wanted, partial(sweep_by, self.cfg))
        print(found or "no trial has a value")
        if found is None:
            sys.exit(1)
        return found


@dataclass
class GoldpanSearchConf:
    """The options of hydra/sweeper=search.

    Attributes:
        params: name -> values to choose from, in addition to what is typed.
        trials: how many, with those of earlier commands.
        parallel: trials at a time; None: the slots of the launcher, or else four.
        objectives: accuracy (of the validation split), flops, parameters; two draw a figure.
        sampler: tpe, nsga2 or random.
        seed: of the sampler.
        name: of the file of trials in the output folder, search-NAME.db.
    """

    _target_: str = "hydra_plugins.goldpan_search.GoldpanSearch"
    params: dict[str, str] = field(default_factory=dict)
    trials: int = 20
    parallel: int | None = None
    objectives: list[str] = field(default_factory=lambda: ["accuracy"])
    sampler: str = "tpe"
    seed: int = 0
    name: str | None = None


ConfigStore.instance().store(
    group="hydra/sweeper", name="search", node=GoldpanSearchConf, provider="goldpan"
)
