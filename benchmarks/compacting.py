"""Row 14: training without the channels that an unstructured mask has left dead.

The masks of 90 and 98 % are those that the rounds to 99 % pass through: of an exponential schedule
that is what fewer rounds to the lower sparsity would give.
"""

from collections.abc import Callable
from functools import cache, partial

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from benchmarks.measure import Pairs, compare
from benchmarks.rows import Row, at_least
from benchmarks.workloads import BATCH, NETS, SHAPE, batch, check_same_logits, training_step
from goldpan.allocation.global_top import global_top
from goldpan.channels.compaction import compact
from goldpan.cost import cost
from goldpan.masks import Masks, read_masks, write_masks
from goldpan.panning.indices import find_indices
from goldpan.panning.policies import Staircase
from goldpan.panning.rollout import pan
from goldpan.panning.screening import Screening
from goldpan.rounds import prune_in_rounds
from goldpan.schedules.sparsity import exponential
from goldpan.scorers.synflow import synflow
from goldpan.types import Batch

BOUNDS = {0.9: 1.5, 0.98: 2.6, 0.99: 4.0}
ROUNDS = {"SynFlow": 100, "Panning": 20}
SHARES = {0.9: 0.5, 0.98: 0.85, 0.99: 1.0}
"""Of the rounds to 99 %, when a sparsity is reached: 0.01^0.85 = 0.02."""

STAIRS = (0.80, 0.90, 0.98, 0.99)
WEIGHTS = ((0.2, 0.5, 0.3), (0.2, 0.4, 0.4), (0.2, 0.3, 0.5), (0.4, 0.2, 0.4), (0.5, 0.0, 0.5))
"""conf/policy/staircase.yaml."""


def digits(count: int = 40) -> Batch:
    """scikit-learn's digits at 32 x 32 pixels, as many of each class: a scoring batch."""
    pixels, labels = load_digits(return_X_y=True)
    places = [(labels == label).nonzero()[0][: count // 10] for label in range(10)]
    order = torch.tensor([place for row in places for place in row])
    images = torch.tensor(pixels, dtype=torch.float32)[order].view(-1, 1, 8, 8) / 8 - 1
    return F.interpolate(images, scale_factor=4.0).expand(-1, *SHAPE), torch.tensor(labels)[order]


@cache
def masks(method: str) -> dict[float, Masks]:
    """Sparsity -> the masks of VGG-16 by a method."""
    net, images, rounds = NETS["VGG-16"](), digits(), ROUNDS[method]
    wanted = {round(share * rounds): sparsity for sparsity, share in SHARES.items()}
    found: dict[float, Masks] = {}

    def note(done: int) -> None:
        if done in wanted:
            found[wanted[done]] = read_masks(net)

    FINDERS[method](net, images, rounds, note)
    return found


def by_synflow(net: nn.Module, images: Batch, rounds: int, note: Callable[[int], None]) -> None:
    """As conf/method/synflow.yaml."""
    prune_in_rounds(
        net,
        synflow,
        global_top,
        partial(exponential, target=max(BOUNDS)),
        lambda _: [images],
        F.cross_entropy,
        rounds=rounds,
        on_round=lambda done, _: note(done),
    )


def by_panning(net: nn.Module, images: Batch, rounds: int, note: Callable[[int], None]) -> None:
    """As conf/method/panning.yaml, in fewer rounds."""
    indices = find_indices(["synflow", "snip", "grasp"])
    loss, target = F.cross_entropy, max(BOUNDS)
    screening = Screening(net, indices, lambda _: [images], loss, sparsity=target, rounds=rounds)
    pan(screening, Staircase(STAIRS, WEIGHTS), lambda row: note(int(row["round"])))


FINDERS = {"SynFlow": by_synflow, "Panning": by_panning}


def step(method: str, sparsity: float, device: torch.device) -> Pairs:
    """Training steps of the compacted and of the masked network, whose logits have to be equal."""
    net = NETS["VGG-16"]()
    write_masks(net, masks(method)[sparsity])
    compaction = compact(net, SHAPE)
    whole, small = compaction.whole.to(device), compaction.small.to(device)
    images = batch(device)
    difference = check_same_logits(small, whole, images[0])
    ours, theirs = (training_step(each, images, masks=True) for each in (small, whole))
    fewer = cost(compaction.whole, SHAPE).flops / cost(compaction.small, SHAPE).flops
    note = (
        f"{compaction.removed:.0%} of the channels were dead, 1/{fewer:.2f} of the FLOPs is left; "
        f"logits equal to {difference:.0e}."
    )
    return compare(ours, theirs, 5, device=device, note=note)


ROWS = [
    Row(
        14,
        f"compaction-{method.lower()}-{100 * sparsity:.0f}",
        f"VGG-16 compacted after {method} ({ROUNDS[method]} rounds to 99 %) at "
        f"{100 * sparsity:.0f} %, training step, batch {BATCH}",
        "the masked step",
        at_least(bound),
        "A mask at initialisation becomes real training speed, nothing approximated.",
        partial(step, method, sparsity),
    )
    for method in ROUNDS
    for sparsity, bound in BOUNDS.items()
]
