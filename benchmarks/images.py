"""Images a second in training, data and all, on a GPU: the rows that need one."""

from collections.abc import Iterable
from functools import partial

import torch
from torch import nn

from benchmarks.data import ours, plain_loader, theirs
from benchmarks.in_memory import RandomImages, without_trainer
from benchmarks.measure import Pairs, Work, compare
from benchmarks.rows import Row, at_least
from benchmarks.workloads import BATCH, has_bf16, masked
from goldpan.channels.surgery import plain
from goldpan.masks import mask_gradients, masked_layers
from goldpan.types import Batch

IMAGES, WORKERS = 10_000, 2
BOUNDS = {"ResNet-20": 3.0, "ResNet-32x2": None, "VGG-16": None, "VGG-19": None}


def training(
    net: nn.Module, batches: partial[Iterable[Batch]], *, fast: bool, bf16: bool = False
) -> Work:
    """An epoch of training; `fast` for channels_last, a fused optimizer and masks."""
    layout = torch.channels_last if fast else torch.contiguous_format
    net.train().to(memory_format=layout)
    options = {"fused": True} if fast else {}
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=1e-4, **options)
    layers = list(masked_layers(net).values()) if fast else []
    device = next(net.parameters()).device

    def epoch() -> None:
        for x, y in batches():
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                loss = nn.functional.cross_entropy(net(x.contiguous(memory_format=layout)), y)
            optimizer.zero_grad()
            loss.backward()
            mask_gradients(layers)
            optimizer.step()

    return epoch


def images_a_second(name: str, device: torch.device) -> Pairs:
    """Epochs of both."""
    data = without_trainer(RandomImages(IMAGES, BATCH), device)
    loader = plain_loader(data, WORKERS)
    net = masked(name, device)
    fast = training(net, partial(ours, data, device), fast=True, bf16=has_bf16(device))
    slow = training(plain(net), partial(theirs, loader, device), fast=False)
    pairs = compare(fast, slow, 20, device=device)
    whole = IMAGES // BATCH * BATCH
    rate = whole / sorted(pairs.ours)[len(pairs.ours) // 2]
    return Pairs(pairs.ours, pairs.rival, note=f"{rate:,.0f} images/s.")


ROWS = [
    Row(
        25,
        f"images-{name.lower()}",
        f"{name}, training on {IMAGES:,} images, batch {BATCH}: all of goldpan's path",
        f"the plain loop: torchvision's transforms, {WORKERS} workers, float32, default SGD",
        at_least(bound),
        "What a researcher gets who changes from the usual script.",
        partial(images_a_second, name),
        gpu=True,
    )
    for name, bound in BOUNDS.items()
]
