"""The base of pruning before and during training: rank 0 scores, every rank cuts."""

from collections.abc import Callable
from time import perf_counter
from typing import ClassVar, Protocol

import pytorch_lightning as pl
import torch
from rich.progress import Progress

from goldpan.data.sampling import Sampling
from goldpan.masks import Masks, read_masks, set_masks
from goldpan.rounds import shuffle
from goldpan.stream import scoring_seed
from goldpan.training.callbacks.resumable import Resumable
from goldpan.training.length import Length
from goldpan.training.system import System
from goldpan.types import Batch, DrawBatches, OnRound


class ScoringData(Protocol):
    """The part of a datamodule that pruning needs."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""

    def draw_batches(self, sampling: Sampling, seed: int, device: torch.device) -> list[Batch]:
        """Batches of training images, normalised and not augmented, the same for the same seed."""


FindMasks = Callable[[pl.Trainer, System, DrawBatches, OnRound], Masks]
"""Finds a method's masks on one process, and sets them in the network round by round."""


class Pruner(Resumable):
    """Scores on rank 0 alone and broadcasts the masks before any weight is zeroed.

    Ranks that scored batches of their own would each cut different weights, and no error would
    show it.

    Args:
        sampling: how many training images scores see; drawn anew for each round.
        shuffle, reinitialize: controls of Frankle et al., arXiv 2009.08576: permute each layer's
            final mask; draw the weights anew after pruning.
    """

    kept: ClassVar[tuple[str, ...]] = ("seconds",)

    def __init__(
        self,
        sampling: Sampling,
        *,
        seed: int = 0,
        shuffle: bool = False,
        reinitialize: bool = False,
    ) -> None:
        self.sampling, self.seed = sampling, seed
        self.shuffle, self.reinitialize = shuffle, reinitialize
        self.seconds = 0.0  # spent on scoring so far

    @property
    def sees_cut_gradients(self) -> bool:
        """Whether it may ask for the gradients of cut weights while the network trains."""
        return True

    def first_cut(self, length: Length) -> int:
        """The step at which weights are first cut or chosen; -1: before training.

        Weights that are quantised from that step on are scored as quantised.
        """
        return -1

    def check(self, data: ScoringData, length: Length) -> None:
        """Draw batches once before any work; raises ValueError if there are too few images.

        A pruner with a calendar makes it for a run of that length, and raises as it does.
        """
        data.draw_batches(self.sampling, self.seed, torch.device("cpu"))

    def cut(
        self, trainer: pl.Trainer, system: System, find: FindMasks, rounds: int, *, last: bool
    ) -> None:
        """Find masks in `rounds` rounds and cut to them; after the last cut apply the controls."""
        start = perf_counter()
        (masks,) = self.share(trainer, system, lambda: (self._find(trainer, system, find, rounds),))
        if last and self.shuffle:
            masks = shuffle(masks, self.seed)
        if last and self.reinitialize:
            system.reinitialize(self.seed + 1)
        system.change_masks(masks)
        self.seconds += perf_counter() - start

    def choose_masks(self, trainer: pl.Trainer, system: System, find: FindMasks) -> Masks:
        """Find masks in one round on rank 0 and cut nothing: those of the network stay."""
        start, before = perf_counter(), read_masks(system.net)
        (masks,) = self.share(trainer, system, lambda: (self._find(trainer, system, find, 1),))
        set_masks(system.net, before)
        self.seconds += perf_counter() - start
        return masks

    def share(
        self, trainer: pl.Trainer, system: System, decide: Callable[[], tuple[Masks, ...]]
    ) -> tuple[Masks, ...]:
        """What rank 0 decides, on the device of each rank."""
        found = None
        if trainer.is_global_zero:
            with system.scoring():
                decided = decide()
            if trainer.world_size == 1:
                return decided
            found = [_moved(masks, "cpu") for masks in decided]
        shared: list[Masks] = trainer.strategy.broadcast(found)  # type: ignore[arg-type]
        return tuple(_moved(masks, system.device) for masks in shared)

    def _find(self, trainer: pl.Trainer, system: System, find: FindMasks, rounds: int) -> Masks:
        data: ScoringData = trainer.datamodule  # type: ignore[attr-defined]

        def draw(done: int) -> list[Batch]:
            seed = scoring_seed(self.seed, trainer.global_step + done)
            return data.draw_batches(self.sampling, seed, system.device)

        hidden = rounds == 1 or not trainer.progress_bar_callback
        with Progress(transient=True, disable=hidden) as bar:
            task = bar.add_task("scoring", total=rounds)

            def on_round(done: int, sparsity: float) -> None:
                text = f"scoring, sparsity {sparsity:.4f}"
                bar.update(task, completed=done, description=text)

            return find(trainer, system, draw, on_round)


def _moved(masks: Masks, device: torch.device | str) -> Masks:
    return Masks({name: mask.to(device) for name, mask in masks.items()})
