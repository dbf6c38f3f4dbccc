"""Networks, images and training steps that several rows measure."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goldpan.allocation.global_top import global_top
from goldpan.masks import mask_gradients, masked_layers, read_masks, write_masks
from goldpan.models.resnet import resnet20, resnet32
from goldpan.models.vgg import vgg16, vgg19
from goldpan.training.kept_steps import pack, unpack
from goldpan.types import Allocator, Batch

BATCH = 128
SHAPE = (3, 32, 32)

NETS: dict[str, Callable[[], nn.Module]] = {
    "ResNet-20": resnet20,
    "ResNet-32x2": lambda: resnet32(width=2.0),
    "VGG-16": vgg16,
    "VGG-19": vgg19,
}
"""CIFAR's networks, by the name in the table; ten classes, seed 0."""

BF16 = ("avx512_bf16", "amx_bf16", "sve_bf16", "arm_bf16")


def batch(device: torch.device, count: int = BATCH) -> Batch:
    """Random pixels (N, 3, 32, 32) and labels: what they show costs nothing more or less."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(count, *SHAPE, generator=generator)
    return images.to(device), (torch.arange(count) % 10).to(device)


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return any(torch.cpu.get_capabilities().get(name) for name in BF16)


def masked(name: str, device: torch.device, sparsity: float = 0.9) -> nn.Module:
    """A network with the smallest weights cut."""
    net = NETS[name]().to(device)
    cut_smallest(net, sparsity, global_top)
    return net


def cut_smallest(net: nn.Module, sparsity: float, allocator: Allocator) -> None:
    """Cut the smallest weights, of the whole network or of each layer as the allocator has it."""
    scores = {name: layer.weight.detach().abs() for name, layer in masked_layers(net).items()}
    write_masks(net, allocator(scores, sparsity, read_masks(net)))


@torch.no_grad()
def check_same_logits(ours: nn.Module, rival: nn.Module, images: Tensor) -> float:
    """The largest difference of their logits, relative, in training; RuntimeError beyond 1e-5."""
    for training in (False, True):
        expected, got = (net.train(training)(images) for net in (rival, ours))
        difference = float((got - expected).abs().max() / expected.abs().max())
        if not difference <= 1e-5:
            raise RuntimeError(f"logits differ by {difference:.2g}")
    return difference


def training_step(
    net: nn.Module,
    images: Batch,
    *,
    fused: bool = True,
    channels_last: bool = True,
    bf16: bool = False,
    masks: bool = False,
) -> Callable[[], Tensor]:
    """One optimizer step on the images, whose loss it returns: SGD with momentum.

    Args:
        fused, channels_last, bf16: the settings that make it fast.
        masks: keep cut weights at zero, as goldpan's Classifier does; sparse linear layers step on
            their kept weights alone.
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net.train().to(memory_format=layout)
    x, y = images[0].contiguous(memory_format=layout), images[1]
    options = {"fused": True} if fused else {}
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=1e-4, **options)
    layers = list(masked_layers(net).values()) if masks else []

    def step() -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        mask_gradients(layers)
        pack(layers, optimizer)
        optimizer.step()
        unpack(layers)
        return loss.detach()

    return step
