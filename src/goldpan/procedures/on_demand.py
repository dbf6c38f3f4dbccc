"""What is measured of a trained network only where an option asks for it."""

from collections.abc import Mapping
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from goldpan.data.vision import VisionData
from goldpan.firing import firing_rates, scramble
from goldpan.runs.record import Firing
from goldpan.stream import stream

Choices = Mapping[str, Any] | DictConfig

BATCH = 500
"""Images that pass at a time."""


def check_on_demand(choices: Choices, data: VisionData) -> None:
    """Raise ValueError, before any training, if what is asked for cannot be measured."""
    count, there = _images_of_firing(choices), len(data.test.labels)
    if count is not None and count > there:
        raise ValueError(
            f"and_or.images={count} are more than the {there} test images; choose at most {there}"
        )


def measure_on_demand(net: nn.Module, data: VisionData, choices: Choices) -> dict[str, Any]:
    """The fields of a record that the choices ask for."""
    found: dict[str, Any] = {}
    if (count := _images_of_firing(choices)) is not None:
        found["firing"] = measure_firing(net, data, count, choices["seed"])
    return found


def measure_firing(net: nn.Module, data: VisionData, count: int, seed: int) -> Firing:
    """How often neurons fire on so many test images, drawn by the seed, and on them scrambled."""
    draws = stream(seed, "and_or")
    chosen = torch.randperm(len(data.test.labels), generator=draws)[:count]
    images = data.test.batch(chosen)
    return Firing(
        count, real=_rates(net, data, images), scrambled=_rates(net, data, scramble(images, draws))
    )


def _rates(net: nn.Module, data: VisionData, images: Tensor) -> dict[str, list[float]]:
    """Of each hidden layer, by the layer that reads it, each neuron's rate of firing."""
    device = next(net.parameters()).device
    batches = (data.normalize(part.to(device)) for part in images.split(BATCH))
    return {name: rates.tolist() for name, rates in firing_rates(net, batches).items()}


def _images_of_firing(choices: Choices) -> int | None:
    """How many images the firing is counted on; records of before the option have none."""
    return (choices.get("and_or") or {}).get("images")
