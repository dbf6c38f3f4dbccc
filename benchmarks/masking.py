"""Rows 1 and 2: what it costs that a network is masked."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn.utils import prune

from benchmarks.measure import Pairs, compare
from benchmarks.memory import gpu_bytes, spent
from benchmarks.rows import Row, at_least, at_most
from benchmarks.workloads import batch, has_bf16, masked, training_step
from goldpan.channels.surgery import plain
from goldpan.masks import masked_layers

STEPS = 4  # until memory has reached its peak


def step(name: str, is_masked: bool, device: torch.device) -> Callable[[], object]:
    """A training step of a network at 90 %, or of the same one without masks."""
    net = masked(name, device)
    net = net if is_masked else plain(net)
    return training_step(net, batch(device), bf16=has_bf16(device), masks=is_masked)


def time(name: str, device: torch.device) -> Pairs:
    """A masked step against a dense one."""
    return compare(step(name, True, device), step(name, False, device), 9, device=device)


def several_steps(name: str, is_masked: bool, device: torch.device) -> Callable[[], object]:
    """Makes a network and trains it; only memory is looked at."""

    def work() -> None:
        one = step(name, is_masked, device)
        for _ in range(STEPS):
            one()

    return work


def memory(name: str, device: torch.device) -> Pairs:
    """Bytes at most of masked training against dense training, in a process each."""

    def peak(is_masked: bool) -> float:
        if device.type == "cuda":
            return gpu_bytes(several_steps(name, is_masked, device), device)
        return spent(several_steps, name, is_masked, device).bytes

    pairs = [(peak(True), peak(False)) for _ in range(2)]
    return Pairs([one for one, _ in pairs], [other for _, other in pairs], "bytes")


def inference(device: torch.device) -> Pairs:
    """Ten forward passes of one image each; weights that are zero against weights made zero."""
    net = masked("VGG-16", device).eval()
    peer = plain(net).eval()
    layers = dict(peer.named_modules())
    for name, layer in masked_layers(net).items():
        prune.custom_from_mask(layers[name.removesuffix(".weight")], "weight", layer.mask)
    x, _ = batch(device, 1)
    torch.testing.assert_close(net(x), peer(x))

    def forward(model: nn.Module) -> None:
        with torch.inference_mode():
            for _ in range(10):
                model(x)

    return compare(partial(forward, net), partial(forward, peer), 6, device=device)


ROWS = [
    *(
        Row(
            1,
            f"masked-step-{name.lower()}",
            f"{name} at 90 %, training step, batch 128, in the fastest setting",
            "the dense network, plain PyTorch",
            at_most(1.03),
            "A mask costs nothing in training.",
            partial(time, name),
            gpu=True,
        )
        for name in ("ResNet-20", "VGG-16")
    ),
    *(
        Row(
            1,
            f"masked-memory-{name.lower()}",
            f"{name} at 90 %, peak memory of {STEPS} training steps beyond the libraries'",
            "the dense network, plain PyTorch",
            at_most(1.10),
            "A mask is one byte a weight.",
            partial(memory, name),
            gpu=True,
        )
        for name in ("ResNet-20", "VGG-16")
    ),
    Row(
        2,
        "masked-inference",
        "VGG-16 at 90 %, inference, batch 1",
        "torch.nn.utils.prune",
        at_least(1.3),
        "Weights that are zero need no masking at every forward pass.",
        inference,
    ),
]
