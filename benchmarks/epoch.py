"""Row 4: an epoch as run.py trains it, against the plainest loop, in turn inside one training."""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Protocol

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from torch import nn

from benchmarks.in_memory import RandomImages, without_trainer
from benchmarks.measure import Pairs, seconds
from benchmarks.rows import Row, at_most
from benchmarks.workloads import BATCH, has_bf16
from goldpan.channels.surgery import plain
from goldpan.models.resnet import resnet20
from goldpan.procedures.loggers import close_loggers
from goldpan.procedures.setup import build_system, build_trainer
from goldpan.runs.build import build
from goldpan.runs.curve import Row as CurveRow
from goldpan.runs.experiment import plan_run, resolve
from goldpan.runs.process import prepare_process
from goldpan.training.callbacks.csv_curve import CsvCurve
from goldpan.training.callbacks.monitor import Monitor
from goldpan.training.callbacks.quantize import in_order
from goldpan.types import Batch

CONF = Path(__file__).parents[1] / "conf"
IMAGES, EPOCHS = 3_840, 7


class Loop(Protocol):
    """Whatever trains for an epoch."""

    def epoch(self) -> object: ...


class Rival(pl.Callback):
    """Trains the other loop's epoch before each of ours, and times both.

    Ours is from there to the next start of an epoch: steps, evaluation, log, curve, checkpoint.
    """

    def __init__(self, loop: Loop, device: torch.device) -> None:
        self.loop, self.device = loop, device
        self.ours, self.theirs, self.begun = list[float](), list[float](), 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Our last epoch has ended."""
        if self.begun:
            _settle(self.device)
            self.ours.append(perf_counter() - self.begun)
        torch.set_flush_denormal(False)  # as torch starts
        self.theirs.append(seconds(self.loop.epoch, self.device))
        torch.set_flush_denormal(True)  # as run.py does
        self.begun = perf_counter()


class Plainest:
    """The shortest loop with the same batches, settings and evaluation, for a dense network."""

    def __init__(
        self, net: nn.Module, data: RandomImages, bf16: bool, device: torch.device
    ) -> None:
        self.net = net.to(device).to(memory_format=torch.channels_last)
        self.data, self.device = data, device
        options: dict[str, Any] = {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}
        self.optimizer = torch.optim.SGD(net.parameters(), 0.1, fused=True, **options)
        self.cast = partial(torch.autocast, device.type, torch.bfloat16, enabled=bf16)

    def epoch(self) -> tuple[float, float]:
        """Train, then evaluate; the loss and the accuracy of both, as anyone prints them."""
        self.net.train()
        total = torch.zeros(2, device=self.device)
        for x, y in self.batches(True):
            with self.cast():
                logits = self.net(x)
                loss = F.cross_entropy(logits, y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += torch.stack([loss.detach(), (logits.argmax(1) == y).float().mean()])
        self.net.eval()
        with torch.no_grad(), self.cast():
            for x, y in self.batches(False):
                logits = self.net(x)
                total += torch.stack([F.cross_entropy(logits, y), (logits.argmax(1) == y).sum()])
        loss, accuracy = total.tolist()
        return loss, accuracy

    def batches(self, training: bool) -> Iterator[Batch]:
        """goldpan's own batches, on the device."""
        self.data.trainer.training = training  # type: ignore[union-attr]
        loaders = [self.data.train_dataloader()] if training else self.data.val_dataloader()
        for loader in loaders:
            for x, y in loader:
                moved = x.to(self.device), y.to(self.device)
                x, y = self.data.on_after_batch_transfer(moved, 0)
                yield x.contiguous(memory_format=torch.channels_last), y


def epoch(device: torch.device) -> Pairs:
    """Epochs of both, in turn."""
    bf16 = has_bf16(device)
    os.environ["WANDB_SILENT"] = "true"
    words = [
        *("dataset=cifar10", "model=resnet20", "method=dense", "recipe=synflow"),
        *(f"recipe.epochs={EPOCHS}", "strategy.channels_last=true"),
        strategy_for(device),
        f"strategy.precision={'bf16-mixed' if bf16 else '32-true'}",
    ]
    data, peer = (RandomImages(IMAGES, BATCH, validation=0.1) for _ in range(2))
    loop = Plainest(plain(resnet20()), without_trainer(peer, device), bf16, device)
    return trained_in_turn(data, loop, words, device)


def strategy_for(device: torch.device) -> str:
    """The word that chooses it."""
    return f"strategy={'gpu' if device.type == 'cuda' else 'cpu'}"


def trained_in_turn(
    data: RandomImages, loop: Loop, words: list[str], device: torch.device
) -> Pairs:
    """Epochs of what these words train, and of the loop before each; the first ones not."""
    rival = Rival(loop, device)
    train(data, words, [rival])
    return Pairs(rival.ours[1:], rival.theirs[1:-1])


def train(
    data: RandomImages, words: list[str], callbacks: Sequence[pl.Callback] = ()
) -> list[CurveRow]:
    """Train what these words would train, on other images; the rows of its curve."""
    with TemporaryDirectory() as name:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            cfg = compose("run", [*words, f"output={name}"])
        prepare_process(cfg)
        folder = Path(name) / "run"
        folder.mkdir()
        groups = dict.fromkeys(("dataset", "model", "recipe", "method"), "any")
        draft, _ = plan_run(resolve(cfg), groups, [])
        data.load()
        system, curve = build_system(cfg, data), CsvCurve(folder / "metrics.csv")
        parts = [*callbacks, Monitor(), curve, *in_order(build(cfg.method.pruner), None)]
        trainer = build_trainer(cfg, folder, draft.identity, data.steps_per_epoch, parts)
        trainer.fit(system, datamodule=data)
        close_loggers(trainer.loggers, draft, [])
    return curve.rows


def _settle(device: torch.device) -> None:
    seconds(lambda: None, device)


ROWS = [
    Row(
        4,
        "epoch",
        f"an epoch of ResNet-20 on {IMAGES:,} images through run.py's training: Lightning, masks, "
        "evaluation, curve, checkpoint, W&B offline",
        "the plainest loop with the same batches, settings and evaluation",
        at_most(1.03),
        "What the framework adds to the training itself.",
        epoch,
        gpu=True,
    )
]
