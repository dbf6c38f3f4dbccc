"""A histogram of the channels' importances in each epoch; RNI drives them to 0 or 1."""

import pytorch_lightning as pl
import torch

from goldpan.layers.bounded_norm import find_norms, importance
from goldpan.runs.results import Histogram
from goldpan.training.callbacks.resumable import Resumable

BINS = 50


class Importances(Resumable):
    """Counts the channels in 50 bins of importance over [0, 1] (the last holds what lies above)."""

    kept = ("histogram",)

    def __init__(self) -> None:
        self.histogram: Histogram = []

    @torch.no_grad()
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch's counts, if the network has norms."""
        scales = [importance(norm) for norm in find_norms(pl_module.net).values()]  # type: ignore[arg-type]
        if not scales:
            return
        counts = torch.histc(torch.cat(scales).float().cpu().clamp(0, 1), BINS, 0, 1)
        self.histogram.append([int(count) for count in counts])
