"""What a round of Panning costs beside its three scorers alone, and how fast its environment runs.

python benchmarks/panning_speed.py          # two threads, 100 images of 3 x 32 x 32; some minutes

A round shares one graph between SNIP and GraSP, and adds scaling, weighing, an exact selection and
its log. Both are timed in turn in one process; the ratio is of the medians.
"""

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from goldpan.models.lenet import lenet5
from goldpan.models.resnet import resnet20
from goldpan.models.vgg import vgg19
from goldpan.panning.env import PanningEnv
from goldpan.panning.indices import find_indices
from goldpan.panning.screening import Screening

INDICES = find_indices(["synflow", "snip", "grasp"])
STAGE = (0.2, 0.4, 0.4)
BATCH = (torch.randn(100, 3, 32, 32), torch.arange(100) % 10)


def seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def compare(net: nn.Module, repeats: int) -> tuple[float, float]:
    """Median seconds of a round, and of its scorers each alone, on the same masks."""
    screening = Screening(net, INDICES, lambda _: [BATCH], F.cross_entropy, sparsity=0.98)

    def alone() -> None:
        for index in INDICES:
            index(net, [BATCH], F.cross_entropy)

    screening.step(STAGE)
    alone()
    pairs = [(seconds(lambda: screening.step(STAGE)), seconds(alone)) for _ in range(repeats)]
    rounds, scorers = zip(*pairs, strict=True)
    return median(rounds), median(scorers)


def steps_a_second(net: nn.Module, steps: int) -> float:
    """Of the environment, without an agent."""
    env = PanningEnv(net, INDICES, lambda _: [BATCH], F.cross_entropy)
    env.reset(seed=0, options={"target": 0.98})
    action = np.zeros(3, dtype=np.float32)
    env.step(action)
    return steps / seconds(lambda: [env.step(action) for _ in range(steps)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    print(f"torch {torch.__version__}, {chosen.threads} threads\n")
    print("| network | a round | scorers alone | ratio |\n| --- | --- | --- | --- |")
    for name, build in (("resnet20", resnet20), ("vgg19", vgg19)):
        together, alone = compare(build(classes=10), chosen.repeats)
        print(f"| {name} | {together:.2f} s | {alone:.2f} s | {together / alone:.2f} |")
    for name, net in (
        ("lenet5", lenet5(classes=10, channels=3, image_size=32)),
        ("resnet20", resnet20(classes=10)),
    ):
        print(f"\n{name}: {steps_a_second(net, 5 * chosen.repeats):.1f} environment steps a second")


if __name__ == "__main__":
    main()
