"""Row 13: a network whose channels are gone, against the same one with them silent."""

import copy
from functools import cache, partial

import torch
from torch import nn

from benchmarks.measure import Pairs, compare
from benchmarks.rows import Row, at_least
from benchmarks.workloads import BATCH, NETS, SHAPE, batch, training_step
from goldpan.channels.allocation import layerwise_channels
from goldpan.channels.choosing import choose_channels
from goldpan.channels.finding import find_groups
from goldpan.channels.surgery import plain, shrink, silence
from goldpan.cost import cost

BOUNDS = {0.5: 3.5, 0.7: 6.5, 0.9: 18.0}


@cache
def networks(sparsity: float) -> tuple[nn.Module, nn.Module, str]:
    """VGG-16 shrunk and masked by the same share of each layer's channels; and their FLOPs."""
    net = NETS["VGG-16"]()
    kept = choose_channels(net, SHAPE, sparsity, layerwise_channels).kept
    small = shrink(net, kept, SHAPE)
    fewer = cost(net, SHAPE).flops / cost(small, SHAPE).flops
    silent = silence(net, find_groups(net, SHAPE), kept)
    return plain(small), plain(silent), f"1/{fewer:.1f} of the FLOPs."


def training(sparsity: float, device: torch.device) -> Pairs:
    """Training steps of both."""
    small, silent, note = networks(sparsity)
    images = batch(device)
    nets = [copy.deepcopy(net).to(device) for net in (small, silent)]
    ours, theirs = (training_step(net, images) for net in nets)
    return compare(ours, theirs, 7, device=device, note=note)


def inference(sparsity: float, images: int, device: torch.device) -> Pairs:
    """Forward passes of both; logits have to be the same."""
    layout = torch.channels_last
    small, silent, note = networks(sparsity)
    nets = [
        copy.deepcopy(net).eval().to(device).to(memory_format=layout) for net in (small, silent)
    ]
    x = batch(device, images)[0].contiguous(memory_format=layout)
    repeats = 10 if images == 1 else 1
    torch.testing.assert_close(nets[0](x), nets[1](x))

    def forward(net: nn.Module) -> None:
        with torch.inference_mode():
            for _ in range(repeats):
                net(x)

    return compare(
        partial(forward, nets[0]), partial(forward, nets[1]), 4, device=device, note=note
    )


ROWS = [
    row
    for sparsity, bound in BOUNDS.items()
    for row in (
        Row(
            13,
            f"channels-{100 * sparsity:.0f}-training",
            f"VGG-16 without {100 * sparsity:.0f} % of its channels, training step, batch {BATCH}",
            "the same network with them silent",
            at_least(bound),
            "Fine-tuning what is left is as much faster as it is smaller.",
            partial(training, sparsity),
        ),
        *(
            Row(
                13,
                f"channels-{100 * sparsity:.0f}-inference-{images}",
                f"VGG-16 without {100 * sparsity:.0f} % of its channels, inference, batch {images}",
                "the same network with them silent",
                at_least(bound if images == BATCH else None),
                "Removed channels are real speed, not masked zeros.",
                partial(inference, sparsity, images),
            )
            for images in (BATCH, 1)
        ),
    )
]
