"""Hydra's sweeps by goldpan: every combination is a cell, which the chosen launcher runs."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class GoldpanSweeper(Sweeper):
    """Runs what is missing of the sweep."""

    def __init__(self, params: dict[str, str] | None = None) -> None:
        """`params` are a table's axes by name; they are read with the table, for a report too."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep the configuration; cells are run by goldpan, not by the task function."""
        self.cfg = config

    def sweep(self, arguments: Sequence[str]) -> Any:
        """Run the cells, print what became of them, and exit with 1 if one failed."""
        from goldpan.reports.report import report_of_plan
        from goldpan.reports.spec import check_table
        from goldpan.runs.refusal import interruptible, refusing
        from goldpan.sweeps.cells import plan
        from goldpan.sweeps.sweep import conf_of, sweep_by

        with refusing(), interruptible():
            typed = [text for text in self.cfg.hydra.overrides.hydra if "sweeper.params" in text]
            planned = plan([*arguments, *typed], conf_of(self.cfg))
            if planned.table is not None:
                check_table(planned)
            summary = sweep_by(self.cfg, planned)
        try:
            if planned.table is not None:
                print(report_of_plan(planned).write()["markdown"])
        finally:
            print(summary)
        if not summary.ok:
            sys.exit(1)
        return summary


@dataclass
class GoldpanSweeperConf:
    """What hydra/sweeper=goldpan holds."""

    _target_: str = "hydra_plugins.goldpan_sweeper.GoldpanSweeper"
    params: dict[str, str] = field(default_factory=dict)


ConfigStore.instance().store(
    group="hydra/sweeper", name="goldpan", node=GoldpanSweeperConf, provider="goldpan"
)
