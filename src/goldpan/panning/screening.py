"""One pruning by Panning, a round at a time: score all weights by the indices, keep the highest.

Neural Network Panning, arXiv 2209.13378, read from the authors' code. In round t of N
floor(M (1 - sparsity)^(t/N)) of the M weights are kept: those with the highest
sum_i share_i z_i, z_i the absolute z-score of index i on a fresh batch. The weights of the network
stay as they were at initialisation, so that what is cut may come back.
Differs from the authors' code: exactly that many are kept, of equal scores the first (theirs keeps
all ties, and everything when all shares are 0).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from goldpan.allocation.selection import highest
from goldpan.cost import effective_sparsity
from goldpan.gradients import Slopes, one_graph, slope
from goldpan.masks import Masks, read_masks, set_masks
from goldpan.panning.indices import Index, absolute_z
from goldpan.panning.weighing import combine, correlations, normalise
from goldpan.schedules.sparsity import exponential
from goldpan.types import Batch, DrawBatches, Loss

Row = dict[str, float]

Observe = Literal["next", "same"]
"""The batch on which a round's effect is measured: that of the next round, as in the authors' code,
or the one whose scores have just been used."""


@dataclass(frozen=True)
class RoundEffect:
    """What a round did to the network, on one batch; losses are of logits / temperature.

    `norm` is the squared gradient norm of the loss; `effective` counts as cut what no path of kept
    weights connects to input and output.
    """

    loss: float
    norm: float
    masked_loss: float
    masked_norm: float
    effective: float
    sparsity: float


def kept_at(total: int, sparsity: float, progress: float) -> int:
    """floor(M (1 - sparsity)^progress); a product within 1e-6 of an integer is that integer."""
    return math.floor(round(total * float((1 - sparsity) ** progress), 6))


class Screening:
    """A network that is pruned round by round: its masks change, its weights never do.

    Args:
        form: "sum" of share * z, the default of the authors' code, or "product" of z^share.
        temperature: what divides the logits in what `step_and_measure` measures.
        observe: the batch that it measures on, the next round's or the round's own.
        invert: keep the lowest scores, a control.
    """

    def __init__(
        self,
        model: nn.Module,
        indices: Sequence[Index],
        draw: DrawBatches,
        loss: Loss,
        *,
        sparsity: float,
        rounds: int = 100,
        form: Literal["sum", "product"] = "sum",
        temperature: float = 200.0,
        invert: bool = False,
        observe: Observe = "next",
    ) -> None:
        if rounds < 1:
            raise ValueError(f"panning takes at least one round, got {rounds}")
        if form not in ("sum", "product"):
            raise ValueError(f"form must be sum or product, got {form}")
        if observe not in ("next", "same"):
            raise ValueError(f"observe must be next or same, got {observe}")
        self.model, self.indices, self.draw, self.loss = model, tuple(indices), draw, loss
        self.sparsity, self.rounds, self.form = sparsity, rounds, form
        self.temperature, self.invert, self.done = temperature, invert, 0
        self.observe, self._drawn, self._dense = observe, (0, list[Batch]()), Slopes()
        masks = read_masks(model)
        self.dense = Masks({name: torch.ones_like(mask) for name, mask in masks.items()})
        self.masks = self.dense
        set_masks(model, self.masks)

    def step(self, weights: Sequence[float]) -> Row:
        """Do one round with these weights of the indices, all >= 0; return its row for the log."""
        return self._step(weights, measure=False)[0]

    def step_and_measure(self, weights: Sequence[float]) -> tuple[Row, RoundEffect]:
        """Do one round and measure its effect; this takes half as long again, or more."""
        row, batch, dense = self._step(weights, measure=self.observe == "same")
        if self.observe == "next":
            batch = self.batches(self.done + 1)[0]
            with one_graph(self._dense):  # the next round's scores take up its graph
                dense = self.dense_slope(batch)
        return row, self._effect(batch, dense)

    def first_slope(self) -> tuple[float, float]:
        """Loss and squared gradient norm of the dense network, as observed before any round."""
        return self.dense_slope(self.batches(1 if self.observe == "next" else 0)[0])

    def batches(self, number: int) -> Sequence[Batch]:
        """The batches of a round, drawn once, though the round before is measured on them too."""
        if number != self._drawn[0] or not self._drawn[1]:
            self._drawn = number, list(self.draw(number))
        return self._drawn[1]

    def _step(
        self, weights: Sequence[float], *, measure: bool
    ) -> tuple[Row, Batch, tuple[float, float]]:
        self.done += 1
        batches = self.batches(self.done)
        shares = normalise(weights)
        scores, dense = self._scores(batches, shares, measure)
        before = torch.cat([mask.flatten() for mask in self.masks.values()])
        combined = combine(scores, shares, self.form, before)
        kept = highest(
            -combined if self.invert else combined,
            kept_at(self.dense.total, self.sparsity, self.done / self.rounds),
        )
        self._set(kept)
        return self._row(shares, scores, before, kept), batches[0], dense

    def _effect(self, batch: Batch, dense: tuple[float, float]) -> RoundEffect:
        masked = slope(self.model, batch, self.loss, self.temperature)
        return RoundEffect(
            *dense,
            float(masked.loss.detach()),
            masked.norm,
            effective_sparsity(self.model, batch[0].shape[1:]),
            exponential(self.done / self.rounds, target=self.sparsity),
        )

    def dense_slope(self, batch: Batch) -> tuple[float, float]:
        """Loss and squared gradient norm of the dense network."""
        set_masks(self.model, self.dense)
        found = slope(self.model, batch, self.loss, self.temperature)
        set_masks(self.model, self.masks)
        return float(found.loss.detach()), found.norm

    def _scores(
        self, batches: Sequence[Batch], shares: Sequence[float], measure: bool
    ) -> tuple[dict[str, Tensor], tuple[float, float]]:
        """The z-scores of the indices that have a share; those that see one network share a graph.

        With `measure` also the dense network's loss and squared gradient norm, from its graph.
        """
        wanted = [index for index, share in zip(self.indices, shares, strict=True) if share]
        found: dict[str, Tensor] = {}
        dense = math.nan, math.nan
        known, self._dense = self._dense, {}
        for masked, masks, graphs in ((False, self.dense, known), (True, self.masks, None)):
            with one_graph(graphs):
                set_masks(self.model, masks)
                for index in wanted:
                    if index.masked == masked:
                        found[index.name] = absolute_z(index(self.model, batches, self.loss))
                if measure and not masked:
                    dense = self.dense_slope(batches[0])
        return {index.name: found[index.name] for index in wanted}, dense

    def _set(self, kept: Tensor) -> None:
        parts = kept.split([mask.numel() for mask in self.dense.values()])
        named = zip(self.dense.items(), parts, strict=True)
        self.masks = Masks({name: part.view_as(mask) for (name, mask), part in named})
        set_masks(self.model, self.masks)

    def _row(
        self, shares: Sequence[float], scores: dict[str, Tensor], before: Tensor, kept: Tensor
    ) -> Row:
        """A row of the log: numbers of kept, revived and removed weights, shares, correlations."""
        row: Row = {
            "round": self.done,
            "sparsity": 1 - int(kept.sum()) / kept.numel(),
            "kept": int(kept.sum()),
            "revived": int((kept & ~before).sum()),
            "removed": int((before & ~kept).sum()),
        }
        for index, share in zip(self.indices, shares, strict=True):
            row[f"weight/{index.name}"] = share
        return row | {f"correlation/{pair}": r for pair, r in correlations(scores).items()}
