"""How ranking, scoring and training grow with the network: ResNet-20 to a VGG of 140 million."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.measure import Work
from benchmarks.memory import spent
from benchmarks.workloads import NETS, batch, training_step
from goldpan.allocation.selection import highest
from goldpan.masks import read_masks
from goldpan.models.vgg import vgg16
from goldpan.scorers.snip import snip

IMAGES = 32
CPU = torch.device("cpu")

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "ResNet-20": NETS["ResNet-20"],
    "ResNet-32x2": NETS["ResNet-32x2"],
    "VGG-16, half as wide": partial(vgg16, width=0.5),
    "VGG-16": NETS["VGG-16"],
    "VGG-16, twice as wide": partial(vgg16, width=2.0),
    "VGG-16, 3.1 times as wide": partial(vgg16, width=3.1),
}


@dataclass(frozen=True)
class Size:
    """What one kind of work takes with one network; bytes beyond network and images."""

    work: str
    network: str
    parameters: int
    seconds: float
    bytes: int


def ranking(name: str) -> Work:
    """The highest 10 % of as many scores as the network has prunable weights."""
    count = read_masks(NETWORKS[name]()).total
    scores = torch.rand(count, generator=torch.Generator().manual_seed(0))
    return partial(highest, scores, count // 10)


def scoring(name: str) -> Work:
    """SNIP on one batch."""
    return partial(snip, NETWORKS[name](), [batch(CPU, IMAGES)], F.cross_entropy)


def training(name: str) -> Work:
    """A training step with masks, in float32."""
    return training_step(NETWORKS[name](), batch(CPU, IMAGES), masks=True)


WORKS: dict[str, Callable[[str], Work]] = {
    "ranking all scores": ranking,
    f"SNIP, {IMAGES} images": scoring,
    f"training step, {IMAGES} images": training,
}


def measure(note: Callable[[Size], None]) -> None:
    """Measure each work with each network, and tell of it: the fastest of three calls."""
    for network, build in NETWORKS.items():
        parameters = read_masks(build()).total
        for work, prepare in WORKS.items():
            found = spent(prepare, network, calls=3)
            note(Size(work, network, parameters, min(found.seconds), found.bytes))
