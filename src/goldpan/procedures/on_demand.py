"""What is measured of a trained network only where an option asks for it."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from goldpan.bounds import Statistics, flat_layers, pixel_box, relu_inputs, worst_margins
from goldpan.data.vision import VisionData
from goldpan.firing import firing_rates, scramble
from goldpan.runs.results_of_procedures import Certified, Firing
from goldpan.stream import stream

Choices = Mapping[str, Any] | DictConfig

BATCH = 500
"""Images that pass at a time."""


def check_on_demand(choices: Choices, net: nn.Module, data: VisionData) -> None:
    """Raise ValueError, before any training, if what is asked for cannot be measured."""
    count = _images_of_firing(choices)
    if count is not None and count > (there := len(data.test.labels)):
        raise ValueError(
            f"and_or.images={count} are more than the {there} test images; choose at most {there}"
        )
    if _epsilon(choices) is not None:
        flat_layers(net)
        statistics_of(data)


def measure_on_demand(net: nn.Module, data: VisionData, choices: Choices) -> dict[str, Any]:
    """The fields of a record that the choices ask for."""
    found: dict[str, Any] = {}
    if (count := _images_of_firing(choices)) is not None:
        found["firing"] = measure_firing(net, data, count, choices["seed"])
    if (epsilon := _epsilon(choices)) is not None:
        found["certified"] = certify(net, data, epsilon)
    return found


def statistics_of(data: VisionData) -> Statistics:
    """Mean and deviation of each channel; ValueError if each image is normalised by its own."""
    if not data.std:
        raise ValueError(
            "an epsilon is in pixels of [0, 1], and dataset.normalization=image divides each image "
            "by a deviation of its own; choose another, such as channel"
        )
    return data.mean, data.std


@torch.no_grad()
def certify(net: nn.Module, data: VisionData, epsilon: float) -> Certified:
    """What bounds prove of all test images, in float64."""
    device, net = next(net.parameters()).device, copy.deepcopy(net).double()
    layers, statistics = flat_layers(net), statistics_of(data)
    certain = unstable = inputs = 0
    for rows in torch.arange(len(data.test.labels)).split(BATCH):
        images = data.normalize(data.test.batch(rows).to(device)).double()
        box = pixel_box(images, epsilon, statistics)
        margins = worst_margins(net, box, data.test.labels[rows].to(device))
        certain += int((margins > 0).sum())
        for (lower, upper), _ in relu_inputs(layers, box):
            unstable += int(((lower < 0) & (upper > 0)).sum())
            inputs += lower.numel()
    accuracy = float(f"{100 * certain / len(data.test.labels):.6g}")  # as accuracies are written
    return Certified(epsilon, accuracy, unstable / max(inputs, 1))


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


def _epsilon(choices: Choices) -> float | None:
    """How far pixels may move in what is certified; records of before the option have none."""
    return (choices.get("certify") or {}).get("epsilon")
