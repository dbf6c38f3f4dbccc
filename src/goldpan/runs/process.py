"""What a process needs before it trains: the device that was asked for, threads, and quiet."""

import logging
import os
import warnings

import torch
from omegaconf import DictConfig


def prepare_process(cfg: DictConfig) -> None:
    """Set the strategy's threads, and silence all but errors of Lightning and W&B.

    Raises ValueError if the strategy needs a GPU and there is none.
    """
    if cfg.strategy.accelerator == "gpu" and not torch.cuda.is_available():
        raise ValueError(
            "the strategy needs a GPU and torch sees none here; choose strategy=cpu, or "
            "strategy.accelerator=cpu for ddp on the CPU"
        )
    if cfg.strategy.threads is not None:
        torch.set_num_threads(cfg.strategy.threads)
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
    for message in ("The `srun` command is available", "Checkpoint directory .* is not empty"):
        warnings.filterwarnings("ignore", message=message)
    os.environ.setdefault("WANDB_SILENT", "true")
