"""From a recipe's words to the functions that it names: the loss, the learning rate's schedule."""

from collections.abc import Callable, Mapping
from functools import partial

import torch.nn.functional as F
from omegaconf import DictConfig

from goldpan.losses.sigmoid_mse import sigmoid_mse
from goldpan.losses.sigmoid_mse_twice import sigmoid_mse_twice
from goldpan.runs.build import build
from goldpan.schedules.learning_rate import as_fractions, warmed
from goldpan.training.length import Length
from goldpan.types import Loss

LOSSES: Mapping[str, Loss] = {
    "sigmoid_mse": sigmoid_mse,
    "sigmoid_mse_twice": sigmoid_mse_twice,
    "l1": F.l1_loss,
    "mse": F.mse_loss,
}


def choose_loss(recipe: DictConfig) -> Loss:
    """The recipe's loss; cross-entropy is the one that takes label smoothing."""
    if recipe.loss == "cross_entropy":
        return partial(F.cross_entropy, label_smoothing=recipe.label_smoothing)
    return LOSSES[recipe.loss]


def build_rate(recipe: DictConfig, length: Length) -> Callable[[float], float]:
    """The learning rate's schedule, warmed up, its times as fractions of this training.

    Raises ValueError as `as_fractions` does.
    """
    schedule: Callable[[float], float]
    if (milestones := recipe.learning_rate.get("milestones")) is None:
        schedule = build(recipe.learning_rate)
    else:
        fractions = as_fractions(milestones, length.steps, length.epoch_steps)
        schedule = build(recipe.learning_rate, milestones=fractions)
    if (warm_up := recipe.get("warm_up")) is None:
        return schedule
    (fraction,) = as_fractions([warm_up], length.steps, length.epoch_steps)
    return partial(warmed, schedule=schedule, warm_up=fraction)
