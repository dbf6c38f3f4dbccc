"""The network whose channels are removed first: a trained one, or one that was never trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from goldpan.data.vision import VisionData
from goldpan.procedures.measure import read_start, reading
from goldpan.procedures.setup import build_trainer
from goldpan.procedures.starting import load_start, say_start
from goldpan.runs.record import Record
from goldpan.runs.refusal import refusing
from goldpan.runs.results import Accuracy, Histogram
from goldpan.training.callbacks.monitor import Monitor
from goldpan.training.system import System

UNTRAINED = "untrained"
"""The value of `prune_from` for a network that is not trained before."""


@dataclass(frozen=True)
class Beginning:
    """What is known of that network; `start` and `importances` are those of a record."""

    accuracy: Accuracy
    importances: Histogram
    start: Mapping[str, Any]


def begin_untrained(
    cfg: DictConfig, draft: Record, folder: Path, system: System, data: VisionData
) -> Beginning:
    """Measure the network as it is drawn, or as `cfg.checkpoint` has it."""
    with refusing():
        load_start(cfg, system.net, data.classes)
    say_start(system.net)
    quiet = cfg.copy()
    quiet.logger = {}
    trainer = build_trainer(quiet, folder, draft.identity, data.steps_per_epoch, [Monitor()])
    trainer.validate(system, datamodule=data, verbose=False)
    return Beginning(reading(trainer), [], read_start(system.net))
