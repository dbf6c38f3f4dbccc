"""One training for two networks: a core, and the whole network of which it is a part.

See `goldpan.training.callbacks.train_in_turn` for the paper.
"""

from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig

from goldpan.procedures.measure import choose_accuracies
from goldpan.procedures.train import train
from goldpan.runs.build import build
from goldpan.runs.record import FULL, Record
from goldpan.runs.refusal import refusing
from goldpan.runs.results_of_procedures import FullResult
from goldpan.training.callbacks.drop_and_grow import keeps_masks
from goldpan.training.callbacks.train_in_turn import TrainInTurn


def partially_masked(
    cfg: DictConfig, draft: Record, folder: Path, *, core_steps: int, full_steps: int
) -> Record:
    """Train the core that the method's masks keep and the whole network in turn; measure both.

    The record is the core's, like that of any method that cuts weights before the training, and
    `full` has the accuracies of the whole network, whose weights lie beside the core's.
    """
    with refusing():
        if not keeps_masks(build(cfg.method.pruner)):
            raise ValueError(
                "procedure=partially_masked takes its core from a method that cuts before the "
                "training alone, such as method=partially_masked or method=snip; for this one "
                "choose procedure=train"
            )
    turns = TrainInTurn(folder / FULL, core_steps, full_steps)
    record = train(cfg, draft, folder, more=[turns])
    full = FullResult(choose_accuracies(turns.rows), FULL) if turns.rows else None
    return replace(record, full=full)
