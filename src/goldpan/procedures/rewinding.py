"""From which step of the dense training a retraining goes on, and where it ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from goldpan.duration import Duration, Written
from goldpan.training.length import choose_length
from goldpan.training.system import System


@dataclass(frozen=True)
class Point:
    """Where a retraining begins and ends, in steps.

    `rewound`: the weights are those of that step (None: the trained ones). `schedule`: learning
    rate and images go on from that step (None: after the end of the dense training, at its last
    rate).
    """

    start: int
    end: int
    rewound: int | None
    schedule: int | None


def find_point(
    cfg: DictConfig, epoch_steps: int, rewind: Mapping[str, Any], epochs: Written | None
) -> Point:
    """Where the retraining begins.

    Raises:
        ValueError: if that is past the end of the dense training, or before its beginning.
    """
    length, text = choose_length(cfg.recipe, epoch_steps), rewind["weights"]
    whole, rewound = length.steps, None if text is None else length.count(text)
    if rewound is not None and rewound >= whole:
        raise ValueError(
            f"procedure.rewind.weights={text} is step {rewound}, not before the end of a training "
            f"of {whole} steps; choose an earlier point"
        )
    asked = None if epochs is None else length.count(epochs)
    if not rewind["rate"]:
        return Point(whole, whole + (asked or whole - (rewound or 0)), rewound, None)
    start = whole - (asked or whole) if rewound is None else rewound
    if start < 0:
        raise ValueError(
            f"procedure.epochs={epochs} are {asked} steps and rewind the rate past the beginning of"
            f" a training of {whole} steps; choose fewer"
        )
    return Point(start, whole, rewound, start)


def lengthened(cfg: DictConfig, end: int, epoch_steps: int) -> DictConfig:
    """The configuration of a training that ends at a step; epochs are not cut short."""
    longer, asked = cfg.copy(), Duration.parse(cfg.recipe.epochs)
    in_epochs = asked.unit == "ep" and asked.amount % 1 == 0
    longer.recipe.epochs = -(-end // epoch_steps) if in_epochs else f"{end}it"
    return longer


def hold_rate(system: System, cfg: DictConfig, epoch_steps: int) -> None:
    """Let the learning rate stay where the dense training left it."""
    whole = choose_length(cfg.recipe, epoch_steps).steps
    moves = 1 if cfg.recipe.rate_moves == "step" else epoch_steps
    last = system.learning_rate((whole - 1) // moves * moves / whole)
    system.learning_rate = lambda progress: last
