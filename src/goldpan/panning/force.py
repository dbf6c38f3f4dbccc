"""Expressive force: how much force the kept weights take over from those that are cut.

Neural Network Panning, arXiv 2209.13378, names it without a formula that we could read. The formal
meaning here is our interpretation: for an index k and masks m let e_k(j; m) be the raw score of
weight j, its weight as initialised and its gradient at the masked network, and
E_k(S; m) = sum over S of |e_k(j; m)|. From m to m' with kept sets S and S'

    transfer_k = (E_k(S'; m') - E_k(S'; m)) / E_k(S without S'; m)

is the part of the removed force that the kept weights have regained. The authors draw e_k of every
500th weight, in the order of the first round, over the rounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from goldpan.gradients import one_graph
from goldpan.masks import read_masks
from goldpan.panning.indices import Index
from goldpan.types import Batch, Loss


@dataclass(frozen=True)
class ForceSnapshot:
    """The scores of some weights after one round, by index, and the force transferred to them.

    `points`: for each index the scores of the same weights, None where cut. `transfer`: since the
    snapshot before, None in the first one and when nothing with any force was removed.
    """

    round: int
    sparsity: float
    transfer: dict[str, float | None]
    points: dict[str, list[float | None]]


class Force:
    """Keeps snapshots of a network's raw scores, on one batch, while its masks change.

    All `indices` are scored on the masked network, also those that Panning shows the dense one. A
    snapshot holds `points` weights, evenly spaced by their first |score|.
    """

    def __init__(
        self, indices: Sequence[Index], batches: Sequence[Batch], loss: Loss, points: int = 1000
    ) -> None:
        self.indices, self.batches, self.loss, self.points = indices, batches, loss, points
        self.snapshots: list[ForceSnapshot] = []
        self._picked: dict[str, Tensor] = {}
        self._last: tuple[Tensor, dict[str, Tensor]] | None = None

    def snapshot(self, model: nn.Module, done: int) -> ForceSnapshot:
        """Score the network with the masks of round `done`, and keep the snapshot."""
        kept = torch.cat([mask.flatten() for mask in read_masks(model).values()])
        with one_graph():
            scores = {i.name: i(model, self.batches, self.loss) for i in self.indices}
        transfers: dict[str, float | None] = dict.fromkeys(scores)
        if self._last is not None:
            before, then = self._last
            transfers = {n: transfer(then[n], scores[n], before, kept) for n in scores}
        self._picked = self._picked or {
            name: _spread(score.abs(), self.points) for name, score in scores.items()
        }
        points = {name: _points(scores[name], kept, at) for name, at in self._picked.items()}
        self._last = kept, scores
        self.snapshots.append(
            ForceSnapshot(done, 1 - float(kept.double().mean()), transfers, points)
        )
        return self.snapshots[-1]


def transfer(then: Tensor, now: Tensor, before: Tensor, after: Tensor) -> float | None:
    """The part of the removed force that the kept weights have regained; None if that was 0.

    `then` and `now` are the raw scores (M,) at the masks `before` and `after`, (M,) bool.
    """
    removed = _force(then, before & ~after)
    return (_force(now, after) - _force(then, after)) / removed if removed else None


def _force(scores: Tensor, kept: Tensor) -> float:
    return float(scores[kept].double().abs().sum())


def _points(scores: Tensor, kept: Tensor, at: Tensor) -> list[float | None]:
    """The scores at these positions, None where the weight is cut."""
    pairs = zip(scores[at].tolist(), kept[at].tolist(), strict=True)
    return [score if alive else None for score, alive in pairs]


def _spread(score: Tensor, points: int) -> Tensor:
    """Positions of `points` entries, evenly spaced from the lowest score to the highest."""
    order = score.argsort()
    return order[torch.linspace(0, len(order) - 1, min(points, len(order))).long()]
