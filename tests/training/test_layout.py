"""Weights that lie in memory by pixel (channels_last), in one process and in those of DDP."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy, Strategy
from torch import Tensor
from torch.optim import Optimizer

from goldpan.training.classifier import Classifier

Fit = Callable[..., pl.Trainer]
Build = Callable[..., Classifier]


def ddp() -> Strategy:
    return DDPStrategy(process_group_backend="gloo")


@pytest.fixture(autouse=True)
def no_process_group() -> Iterator[None]:
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


class Keep(pl.Callback):
    """Copies weights, gradients and the optimizer's memory of them before each step."""

    def __init__(self) -> None:
        self.steps: dict[int, list[Tensor]] = {}

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        parameters = list(pl_module.parameters())
        gradients = [p.grad for p in parameters if p.grad is not None]
        memories = [m for p in parameters for m in optimizer.state.get(p, {}).values()]
        tensors = [m for m in memories if isinstance(m, Tensor)]
        self.steps[trainer.global_step] = [
            tensor.detach().clone() for tensor in [*parameters, *gradients, *tensors]
        ]


def same(one: list[Tensor], other: list[Tensor], tolerance: float = 0.0) -> bool:
    """Equal in layout, and in value but for the tolerance."""
    pairs = list(zip(one, other, strict=True))
    return all(
        torch.allclose(a, b, rtol=0, atol=tolerance) and a.stride() == b.stride() for a, b in pairs
    )


def test_ddp_of_one_process_takes_the_steps_of_that_process(fit: Fit, build: Build) -> None:
    alone, wrapped = Keep(), Keep()
    fit(build(channels_last=True), alone)
    fit(build(channels_last=True), wrapped, strategy=ddp())
    # Lightning may give DDP another number of threads, which moves the last bits; gradients in
    # wrong places would differ by a tenth.
    steps = [same(alone.steps[step], wrapped.steps[step], tolerance=1e-5) for step in range(4)]
    assert steps == [True] * 4


@pytest.mark.parametrize("strategy", [lambda: "auto", ddp])
def test_a_resumed_run_has_the_layouts_and_the_steps_of_an_undisturbed_one(
    strategy: Callable[[], Strategy | str], fit: Fit, build: Build, tmp_path: Path
) -> None:
    whole, resumed = Keep(), Keep()
    fit(build(channels_last=True), whole, epochs=2, strategy=strategy())
    fit(build(channels_last=True), strategy=strategy())
    options = {"epochs": 2, "resume": tmp_path / "last.ckpt", "strategy": strategy()}
    fit(build(channels_last=True), resumed, **options)
    assert sorted(resumed.steps) == [4, 5, 6, 7]
    assert all(same(tensors, whole.steps[step]) for step, tensors in resumed.steps.items())
