"""What a process needs before it trains: the device that was asked for, threads, and quiet."""

import os
import warnings

import torch
from omegaconf import DictConfig


def prepare_process(cfg: DictConfig) -> None:
    """Set the strategy's threads and quick arithmetic; silence warnings of libraries.

    Call it before torch computes in several threads: those that run already keep their arithmetic.

    Raises ValueError if the strategy needs a GPU and there is none.
    """
    if cfg.strategy.accelerator == "gpu" and not torch.cuda.is_available():
        raise ValueError(
            "the strategy needs a GPU and torch sees none here; choose strategy=cpu, or "
            "strategy.accelerator=cpu for ddp on the CPU"
        )
    if cfg.strategy.threads is not None:
        torch.set_num_threads(cfg.strategy.threads)
    # Momentum of a weight whose gradient stays 0 shrinks by 0.9 a step to a denormal number, 1e-45,
    # and stays one: for a unit that nothing follows, in hundreds of steps. The processor takes many
    # times as long for those: SNFS's LeNet-300-100 at 95 % took half as long again, for the same
    # digits of its curve.
    torch.set_flush_denormal(True)
    if cfg.strategy.accelerator == "cpu":
        # Lightning 2.6 lets torch ask NVIDIA's library whether there is a GPU, so that no context
        # is made before a fork; torch 2.15's Adam asks in each step, 0.13 ms, where no GPU is used.
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
    for message in ("The `srun` command is available", "Checkpoint directory .* is not empty"):
        warnings.filterwarnings("ignore", message=message)
    os.environ.setdefault("WANDB_SILENT", "true")
