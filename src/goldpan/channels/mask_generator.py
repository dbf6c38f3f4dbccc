"""A network that reads a set of images and says which channels of another network should stay."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.activations import by_neuron
from goldpan.channels.gates import gated_layers
from goldpan.channels.groups import ChannelGroup
from goldpan.gradients import mode, removing

START = 0.9
"""What stays of each channel before the generator has learnt anything."""


class MaskGenerator(nn.Module):
    """Features (N, F) of a set of images -> a logit for each channel, (n,).

    Each image is encoded by itself, and the set by the mean over its images: neither their order
    nor a second copy of them all matters. Each layer of the other network has a head of its own,
    which are the rows of one linear layer.
    """

    def __init__(self, features: int, channels: int, width: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width))
        self.heads = nn.Linear(width, channels)
        nn.init.constant_(self.heads.bias, float(torch.logit(torch.tensor(START))))

    def forward(self, features: Tensor) -> Tensor:
        """The logits (n,) of what stays."""
        logits: Tensor = self.heads(F.relu(self.encoder(features).mean(0)))
        return logits


@torch.no_grad()
def image_features(model: nn.Module, groups: Sequence[ChannelGroup], images: Tensor) -> Tensor:
    """What the layers of all groups make of images (N, C, H, W): (N, F), F being their outputs.

    Each is the mean over positions of its positive part, by the running statistics.
    """
    found: dict[str, Tensor] = {}
    hooks = [
        model.get_submodule(name).register_forward_hook(partial(_note, found=found, name=name))
        for name in dict.fromkeys(name for group in groups for name in gated_layers(group))
    ]
    with removing(hooks), mode(model, training=False):
        model(images)
    return torch.cat(list(found.values()), 1)


def _note(layer: nn.Module, _: Any, made: Tensor, *, found: dict[str, Tensor], name: str) -> None:
    found[name] = by_neuron(F.relu(made), layer).mean(2)
