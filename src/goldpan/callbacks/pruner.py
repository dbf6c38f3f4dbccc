"""What pruning before and during training have in common: score once, cut on every rank."""

from time import perf_counter
from typing import Any, Protocol

import pytorch_lightning as pl
import torch
from rich.progress import Progress

from goldpan.data.sampling import Sampling
from goldpan.masks import Masks
from goldpan.rounds import prune_in_rounds, shuffle
from goldpan.systems.classifier import Classifier
from goldpan.types import Allocator, Batch, Schedule, Scorer


class Samples(Protocol):
    """The part of a datamodule that pruning needs."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""

    def sample(self, sampling: Sampling, seed: int, device: torch.device) -> list[Batch]:
        """Batches of training images, normalised and not augmented, the same for the same seed."""


class Pruner(pl.Callback):
    """Scores on rank 0 alone and broadcasts the masks before any weight is zeroed.

    Ranks that scored batches of their own would each cut different weights, and no error would
    show it.

    Args:
        sampling: how many training images scores see; drawn anew for each round.
        revive: cut weights compete again in each round.
        invert, shuffle, reinitialize: the controls of Frankle et al., arXiv 2009.08576: keep the
            lowest scores; permute each layer's final mask; draw the weights anew after pruning.
    """

    def __init__(
        self,
        scorer: Scorer,
        allocator: Allocator,
        schedule: Schedule,
        sampling: Sampling,
        *,
        seed: int = 0,
        revive: bool = False,
        invert: bool = False,
        shuffle: bool = False,
        reinitialize: bool = False,
    ) -> None:
        self.scorer, self.allocator, self.schedule = scorer, allocator, schedule
        self.sampling, self.seed, self.revive = sampling, seed, revive
        self.invert, self.shuffle, self.reinitialize = invert, shuffle, reinitialize
        self.seconds = 0.0

    def check(self, data: Samples) -> None:
        """Draw a sample and drop it, so that one that cannot be drawn is known before any work."""
        data.sample(self.sampling, self.seed, torch.device("cpu"))

    def cut(
        self,
        trainer: pl.Trainer,
        system: Classifier,
        schedule: Schedule,
        rounds: int,
        *,
        last: bool,
    ) -> None:
        """Prune in rounds from the present masks; after the last the controls have their turn."""
        start = perf_counter()
        scored = self._score(trainer, system, schedule, rounds) if trainer.is_global_zero else None
        shared: Masks = trainer.strategy.broadcast(scored)  # type: ignore[assignment]
        masks = Masks({name: mask.to(system.device) for name, mask in shared.items()})
        if last and self.shuffle:
            masks = shuffle(masks, self.seed)
        if last and self.reinitialize:
            system.reinitialize(self.seed + 1)
        system.prune(masks)
        self.seconds += perf_counter() - start

    def _score(
        self, trainer: pl.Trainer, system: Classifier, schedule: Schedule, rounds: int
    ) -> Masks:
        data: Samples = trainer.datamodule  # type: ignore[attr-defined]
        first = self.seed * 1_000_003 + trainer.global_step

        def draw(done: int) -> list[Batch]:
            return data.sample(self.sampling, first + done, system.device)

        with Progress(
            transient=True, disable=rounds == 1 or not trainer.progress_bar_callback
        ) as bar:
            task = bar.add_task("scoring", total=rounds)
            masks = prune_in_rounds(
                system.net,
                self.scorer,
                self.allocator,
                schedule,
                draw,
                system.loss,
                rounds=rounds,
                revive=self.revive,
                invert=self.invert,
                advance=lambda done, sparsity: bar.update(
                    task, completed=done, description=f"scoring, sparsity {sparsity:.4f}"
                ),
            )
        return Masks({name: mask.cpu() for name, mask in masks.items()})

    def state_dict(self) -> dict[str, Any]:
        """Seconds spent on scoring so far."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where the checkpoint was written."""
        self.seconds = state_dict["seconds"]
