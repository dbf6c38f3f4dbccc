"""Hydra's sweeper for goldpan: each combination of values is a cell, which a launcher runs."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class GoldpanSweeper(Sweeper):
    """Runs the cells of a sweep that have no result, and prints the table if there is one."""

    def __init__(self, params: dict[str, str] | None = None) -> None:
        """Ignore `params`, the axes of a table: `plan` reads them, as it does for a report."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep the configuration. goldpan runs the cells itself, without the task function."""
        self.cfg = config

    def sweep(self, arguments: Sequence[str]) -> Any:
        """Run the cells, print how they ended, and exit with 1 if one failed."""
        from goldpan.choices import SEARCHPATH
        from goldpan.reports.report import report_of_plan
        from goldpan.reports.spec import check_table
        from goldpan.runs.refusal import interruptible, refusing
        from goldpan.runs.sentences import hydra_prints, one_sentence
        from goldpan.sweeps.cells import plan
        from goldpan.sweeps.sweep import conf_of, sweep_by

        hydra_prints()
        with one_sentence(), refusing(), interruptible():
            hydras = self.cfg.hydra.overrides.hydra
            typed = [text for text in hydras if "sweeper.params" in text or SEARCHPATH in text]
            planned = plan([*arguments, *typed], conf_of(self.cfg))
            if planned.table is not None:
                check_table(planned)
            summary = sweep_by(self.cfg, planned)
        try:
            if planned.table is not None:
                print(report_of_plan(planned).write()["markdown"])
        finally:
            print(summary)  # last, and also if the table cannot be made
        if not summary.ok:
            sys.exit(1)
        return summary


@dataclass
class GoldpanSweeperConf:
    """The options of hydra/sweeper=goldpan."""

    _target_: str = "hydra_plugins.goldpan_sweeper.GoldpanSweeper"
    params: dict[str, str] = field(default_factory=dict)


ConfigStore.instance().store(
    group="hydra/sweeper", name="goldpan", node=GoldpanSweeperConf, provider="goldpan"
)
