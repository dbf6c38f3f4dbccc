"""Rows 23 and 24: what it costs that masks move in training."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.measure import Pairs, compare
from benchmarks.rows import Row, at_most
from benchmarks.workloads import batch, masked, training_step
from goldpan.allocation.erk import erk
from goldpan.data.sampling import Sampling
from goldpan.masks import mask_weights, masked_layers, read_masks
from goldpan.regrowth.counts import by_layer
from goldpan.regrowth.grow import gradient
from goldpan.schedules.calendar import updates
from goldpan.schedules.drop_fraction import constant
from goldpan.schedules.sparsity import one_shot
from goldpan.scorers.random import random
from goldpan.training.callbacks.drop_and_grow import DropAndGrow
from goldpan.training.classifier import Classifier
from goldpan.training.length import Length

INTERVAL = 100  # steps between two updates of RigL


def update(name: str, device: torch.device) -> Pairs:
    """A hundredth of RigL's update against a training step."""
    net = masked(name, device)
    step = training_step(net, batch(device), bf16=False, masks=True)
    system = Classifier(lambda seed: net, 0, torch.optim.SGD, constant_rate)
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)
    trainer: Any = SimpleNamespace(world_size=1, optimizers=[optimizer], is_global_zero=True)
    system.trainer = trainer
    pruner = DropAndGrow(
        partial(random, seed=0),
        erk,
        partial(one_shot, target=0.9),
        Sampling(per_class=1),
        calendar=partial(updates, interval=f"{INTERVAL}it"),
        fraction=partial(constant, start=0.3),
        grow=gradient,
        count=partial(by_layer, rounding="floor"),
    )
    step()
    optimizer.step()
    images, labels = batch(device)
    F.cross_entropy(net(images), labels).backward()
    gradients = {
        weight: layer.weight.grad.clone()
        for weight, layer in masked_layers(net).items()
        if layer.weight.grad is not None
    }
    pruner._plan(Length(10 * INTERVAL, INTERVAL))
    pruner.history.begin(read_masks(system.net))
    found = compare(
        lambda: pruner._update(trainer, system, INTERVAL, 0.3, gradients), step, 10, device=device
    )
    return Pairs([seconds / INTERVAL for seconds in found.ours], found.rival)


def constant_rate(progress: float) -> float:
    """The learning rate stays."""
    return 1.0


def dense_momentum(name: str, device: torch.device) -> Pairs:
    """A step whose optimizer sees the gradients of cut weights too, against a masked step."""
    ours, rival = masked(name, device), masked(name, device)
    plain = training_step(ours, batch(device), bf16=False)
    layers = list(masked_layers(ours).values())

    def step() -> None:
        plain()
        mask_weights(layers)

    return compare(step, training_step(rival, batch(device), bf16=False, masks=True), 10)


ROWS = [
    *(
        Row(
            23,
            f"mask-update-{name.lower()}",
            f"{name} at 90 %, RigL's update of the masks, shared out over its {INTERVAL} steps",
            "a training step, batch 128",
            at_most(0.01),
            "Moving masks cost next to nothing.",
            partial(update, name),
            gpu=True,
        )
        for name in ("ResNet-20", "VGG-16")
    ),
    Row(
        24,
        "dense-momentum",
        "ResNet-20 at 90 %, training step of SNFS, batch 128: momentum of all gradients",
        "the masked step",
        at_most(1.08),
        "The optimizer's own momentum serves, so no second mean is kept.",
        partial(dense_momentum, "ResNet-20"),
    ),
]
