"""Super-resolution: train a network that enlarges images, pruned as any other, measure its PSNR."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from torch import Tensor

from goldpan.data.super_resolution import SuperResolutionData, enlarge
from goldpan.procedures.measure import best_row, curve_of, measure_network
from goldpan.procedures.train import train_system
from goldpan.runs.curve import Row
from goldpan.runs.record import Record
from goldpan.runs.results_of_procedures import Psnr, SuperResolutionResult
from goldpan.training.super_resolver import SuperResolver, psnr
from goldpan.training.system import System


def super_resolution(cfg: DictConfig, draft: Record, folder: Path, *, scale: int) -> Record:
    """Prune and train as `train` does; the record has PSNR in the place of accuracies.

    PSNR is that of the luminance without `scale` pixels at each side, as the field shaves them.
    """
    system = partial(SuperResolver, border=scale)
    return train_system(system, measure_psnr, cfg, draft, folder)


def measure_psnr(
    draft: Record,
    trainer: pl.Trainer,
    system: System,
    data: SuperResolutionData,
    rows: Sequence[Row],
    *rest: Any,
) -> Record:
    """The draft with what `measure_network` finds, and the PSNR of the curve and of bicubic."""
    curve = curve_of(trainer, system, rows)
    best = best_row(curve, "val/psnr")
    result = SuperResolutionResult(
        scale=data.scale,
        last=read_psnr(curve[-1]),
        best=read_psnr(best) if best else None,
        bicubic=bicubic_psnr(trainer, data),
    )
    record = measure_network(draft, system, data, rows, *rest)
    return replace(record, super_resolution=result)


def read_psnr(row: Row) -> Psnr:
    """The PSNR in a row of the learning curve."""
    return Psnr(
        epoch=int(row["epoch"]),
        test=row["test/psnr"],
        val=row.get("val/psnr"),
        train=row.get("train/psnr"),
        step=int(row["step"]),
    )


def bicubic_psnr(trainer: pl.Trainer, data: SuperResolutionData) -> dict[str, float]:
    """The PSNR in dB of bicubic interpolation on each split, a mean over its images."""
    found = {}
    for split, loader in zip(data.splits, data.val_dataloader(), strict=True):
        counts = torch.zeros(2, dtype=torch.float64)
        for batch in loader:
            counts += _sum_bicubic(data, batch)
        total = trainer.strategy.reduce(counts.to(trainer.strategy.root_device), reduce_op="sum")
        summed, images = torch.as_tensor(total).tolist()
        found[split] = summed / images
    return found


def _sum_bicubic(data: SuperResolutionData, batch: Any) -> Tensor:
    """The sum of the images' PSNR, and their number."""
    small, whole = data.on_after_batch_transfer(batch, 0)
    found = psnr(enlarge(small, data.scale), whole, data.scale)
    return torch.stack([found.sum(), found.new_tensor(len(found))]).double()
