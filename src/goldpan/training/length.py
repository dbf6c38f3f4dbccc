"""How long a training is, in optimizer steps; its last epoch may be cut short."""

from dataclasses import dataclass

import pytorch_lightning as pl
from omegaconf import DictConfig

from goldpan.duration import Duration, Written


@dataclass(frozen=True)
class Length:
    """The optimizer steps of a training, and those of one epoch."""

    steps: int
    epoch_steps: int

    @property
    def epochs(self) -> int:
        """The epochs that the training begins."""
        return -(-self.steps // self.epoch_steps)

    def count(self, text: Written) -> int:
        """The steps of a duration; raises ValueError for what is none."""
        return Duration.parse(text).steps(self.steps, self.epoch_steps)


def choose_length(recipe: DictConfig, epoch_steps: int) -> Length:
    """The length that a recipe asks for, in epochs or in steps."""
    return Length(Duration.parse(recipe.epochs).steps(0, epoch_steps), epoch_steps)


def read_length(trainer: pl.Trainer) -> Length:
    """The length of the training that a trainer does: its `min_steps`, or its `max_epochs`.

    `max_steps` would not do. Lightning 2.6.6 then takes a run that goes on from the end of an epoch
    for one that was cut short within it, and evaluates nothing when the last step is done.
    """
    epoch_steps: int = trainer.datamodule.steps_per_epoch  # type: ignore[attr-defined]
    return Length(trainer.min_steps or epoch_steps * (trainer.max_epochs or 1), epoch_steps)
