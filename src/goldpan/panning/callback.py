"""Panning as a pruner before training: its rounds, their log, and pictures of expressive force."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl

from goldpan.data.sampling import Sampling
from goldpan.files import write_atomically, write_rows
from goldpan.masks import Masks
from goldpan.panning.agent import Learned
from goldpan.panning.force import Force
from goldpan.panning.indices import find_indices
from goldpan.panning.pictures import draw_force, draw_rounds
from goldpan.panning.policies import Policy
from goldpan.panning.rollout import pan
from goldpan.panning.screening import Row, Screening
from goldpan.training.callbacks.prune_before import PruneOnce
from goldpan.training.system import System
from goldpan.types import DrawBatches, OnRound


class Pan(PruneOnce):
    """Prunes by Panning, and keeps panning.csv, force.json and their pictures in the run's folder.

    Args:
        indices: names of scorers; `policy` weighs them in each round.
        sparsity: of the last round.
        mask_aware: all indices see the masked network (an ablation), not only SynFlow.
        look: measure loss, gradient norm and live paths after each round; half as long again.
        watch: how many snapshots of the expressive force are taken, evenly over the rounds.
    """

    def __init__(
        self,
        policy: Policy,
        sampling: Sampling,
        *,
        sparsity: float,
        indices: Sequence[str],
        rounds: int = 100,
        form: Literal["sum", "product"] = "sum",
        temperature: float = 200.0,
        mask_aware: bool = False,
        look: bool = False,
        watch: int = 10,
        invert: bool = False,
        **controls: Any,
    ) -> None:
        super().__init__(sampling, rounds=rounds, **controls)
        self.policy, self.observe, self.watch = policy, look, min(watch, rounds)
        self.indices = find_indices(indices, temperature=temperature, mask_aware=mask_aware)
        policy.check([index.name for index in self.indices])
        self.screen = partial(Screening, indices=self.indices, sparsity=sparsity, rounds=rounds)
        self.screen = partial(self.screen, form=form, temperature=temperature, invert=invert)
        # An agent observes what it was trained to observe.
        observe = policy.agent.observe if isinstance(policy, Learned) else "next"
        self.screen = partial(self.screen, observe=observe)

    def find(
        self, trainer: pl.Trainer, system: System, draw: DrawBatches, on_round: OnRound
    ) -> Masks:
        """Pan, log every round, and draw."""
        screening = self.screen(system.net, draw=draw, loss=system.loss)
        force = Force(self.indices, draw(0) if self.watch else (), system.loss)
        watched = {self.rounds * number // self.watch for number in range(1, self.watch + 1)}
        if self.watch:
            force.snapshot(system.net, 0)

        def log_row(row: Row) -> None:
            if row["round"] in watched:
                transfer = force.snapshot(system.net, int(row["round"])).transfer
                row |= {f"transfer/{n}": v for n, v in transfer.items() if v is not None}
            for logger in trainer.loggers:
                logger.log_metrics({f"panning/{n}": v for n, v in row.items()})
            on_round(int(row["round"]), row["sparsity"])

        rows = pan(screening, self.policy, log_row, observe=self.observe)
        self._keep(Path(trainer.default_root_dir), rows, force)
        return screening.masks

    def _keep(self, folder: Path, rows: Sequence[Row], force: Force) -> None:
        """Write panning.csv and force.json, and draw them."""
        write_rows(folder / "panning.csv", rows)
        names = [index.name for index in self.indices]
        draw_rounds(rows, names, folder / "panning.png")
        if force.snapshots:
            snapshots = [asdict(snapshot) for snapshot in force.snapshots]
            write_atomically(folder / "force.json", json.dumps(snapshots) + "\n")
            draw_force(force.snapshots, folder / "force.png")
