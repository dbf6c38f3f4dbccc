"""Row 10: a round of Panning, and how fast its environment runs without an agent."""

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.measure import Impossible, Pairs, compare, seconds
from benchmarks.rows import Row, at_most, seconds_at_most
from benchmarks.workloads import NETS, batch
from goldpan.panning.indices import find_indices
from goldpan.panning.screening import Screening

IMAGES = 100  # ten of each class
STAGE = (0.2, 0.4, 0.4)


def one_round(name: str, device: torch.device) -> Pairs:
    """A round, scaling, weighing, exact selection and its log included, against bare scorers."""
    net, images = NETS[name]().to(device), batch(device, IMAGES)
    indices = find_indices(["synflow", "snip", "grasp"])
    screening = Screening(net, indices, lambda _: [images], F.cross_entropy, sparsity=0.98)

    def alone() -> None:
        for index in indices:
            index(net, [images], F.cross_entropy)

    return compare(lambda: screening.step(STAGE), alone, 12, least=3, device=device)


def environment_step(name: str, device: torch.device) -> Pairs:
    """Steps of the environment that an agent learns in."""
    try:
        from goldpan.panning.env import PanningEnv
    except ModuleNotFoundError as error:
        raise Impossible("gymnasium is missing: pip install -e '.[rl]'") from error
    net, images = NETS[name]().to(device), batch(device, IMAGES)
    env = PanningEnv(
        net, find_indices(["synflow", "snip", "grasp"]), lambda _: [images], F.cross_entropy
    )
    env.reset(seed=0, options={"target": 0.98})
    action = np.zeros(3, dtype=np.float32)
    env.step(action)
    taken = [seconds(partial(env.step, action), device) for _ in range(5)]
    return Pairs(taken, [1.0] * len(taken))


ROWS = [
    Row(
        10,
        "panning-round",
        f"a round of Panning, VGG-19, {IMAGES} images",
        "its three scorers alone",
        at_most(1.0),
        "One graph serves SNIP and GraSP, which pays for weighing and selection.",
        partial(one_round, "VGG-19"),
    ),
    Row(
        10,
        "panning-environment",
        f"a step of Panning's environment, ResNet-20, {IMAGES} images",
        "",
        seconds_at_most(None),
        "An agent of 50,000 steps needs so many times that.",
        partial(environment_step, "ResNet-20"),
    ),
]
