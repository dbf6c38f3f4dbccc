"""Rows 3 and 6: the setting of a training step, and the bounded norm in it."""

from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.measure import Impossible, Pairs, compare
from benchmarks.rows import Row, at_least, at_most
from benchmarks.workloads import NETS, batch, has_bf16, training_step
from goldpan.layers.bounded_norm import BoundedBatchNorm2d
from goldpan.layers.swap import swap_norms


def settings(name: str, bf16: bool, device: torch.device) -> Pairs:
    """A step in goldpan's fast setting against one in none."""
    if bf16 and not has_bf16(device):
        raise Impossible("this processor does not multiply bf16 in hardware")
    images = batch(device)
    fast = training_step(NETS[name]().to(device), images, bf16=bf16)
    plainest = training_step(NETS[name]().to(device), images, fused=False, channels_last=False)
    return compare(fast, plainest, 7, device=device)


class ComposedNorm(nn.BatchNorm2d):
    """The bounded norm as its paper writes it, an operation a symbol."""

    running_mean: Tensor
    running_var: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """sigmoid(gamma) * (x - mean) / sqrt(var + eps), and the running statistics."""
        mean = x.mean((0, 2, 3))
        variance = x.var((0, 2, 3), correction=0)
        with torch.no_grad():
            count = x.numel() / x.shape[1]
            self.running_mean.lerp_(mean.float(), self.momentum or 0.0)
            self.running_var.lerp_(variance.float() * count / (count - 1), self.momentum or 0.0)
        normal = (x - wide(mean)) / torch.sqrt(wide(variance) + self.eps)
        return wide(torch.sigmoid(self.weight)) * normal


def wide(values: Tensor) -> Tensor:
    """(C,) -> (C, 1, 1)."""
    return values[:, None, None]


def bounded(rival: type[nn.BatchNorm2d], device: torch.device) -> Pairs:
    """A step of ResNet-20 with bounded norms against one with other norms."""
    images, bf16 = batch(device), has_bf16(device)
    nets = [swap_norms(NETS["ResNet-20"](), norm) for norm in (BoundedBatchNorm2d, rival)]
    ours, theirs = (training_step(net.to(device), images, bf16=bf16) for net in nets)
    return compare(ours, theirs, 7, device=device)


def setting_row(name: str, bf16: bool, bound: float) -> Row:
    """A row of training steps in a precision."""
    precision = "bf16" if bf16 else "float32"
    return Row(
        3,
        f"step-{precision}-{name.lower()}",
        f"{name}, training step, batch 128: channels_last, fused SGD, {precision}",
        "the plainest float32 step: NCHW, default SGD",
        at_least(bound),
        "What strategy.channels_last=true with strategy.precision=bf16-mixed gains."
        if bf16
        else "What strategy.channels_last=true gains where every bit must stay float32.",
        partial(settings, name, bf16),
        gpu=True,
    )


ROWS = [
    setting_row("ResNet-20", True, 1.9),
    setting_row("VGG-16", True, 2.3),
    setting_row("ResNet-20", False, 1.3),
    setting_row("VGG-16", False, 1.3),
    Row(
        6,
        "bounded-norm-native",
        "ResNet-20, training step with bounded norms",
        "native BatchNorm",
        at_most(1.05),
        "Receding neuron importances cost no more than batch norm.",
        partial(bounded, nn.BatchNorm2d),
        gpu=True,
    ),
    Row(
        6,
        "bounded-norm-composed",
        "ResNet-20, training step with bounded norms",
        "the formula composed of tensor operations",
        at_least(2),
        "A bound belongs on the scale that the native kernel is given, not on the images.",
        partial(bounded, ComposedNorm),
        gpu=True,
    ),
]
