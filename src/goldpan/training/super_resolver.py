"""The network for super-resolution that Lightning trains, and the PSNR that it is measured by."""

from typing import Any

import torch
from torch import Tensor

from goldpan.training.system import System

CEILING = 100.0
"""The PSNR in dB that stands for that of an image without any error, which has none."""


def psnr(output: Tensor, target: Tensor, border: int) -> Tensor:
    """The peak signal-to-noise ratio of each image in dB: (N, C, H, W) in [0, 1] -> (N,).

    It is -10 log10 of the mean squared error, without `border` pixels at each side, where the field
    shaves as many as the scale. The output is clipped to [0, 1] first. *Interpretation:* nothing is
    rounded to 8 bits, and no image counts more than CEILING.

    Raises:
        ValueError: if nothing is left within the border.
    """
    height, width = target.shape[-2:]
    if min(height, width) <= 2 * border:
        raise ValueError(f"no pixel is left of {height} x {width} without a border of {border}")
    inside = (..., slice(border, height - border), slice(border, width - border))
    error = output[inside].float().clamp(0, 1) - target[inside].float()
    mean = error.square().flatten(1).mean(1)
    return -10 * torch.log10(mean.clamp_min(10 ** (-CEILING / 10)))


class SuperResolver(System):
    """Trains a network from small images (N, C, H, W) to whole ones (N, C, rH, rW), in [0, 1].

    Its metric is the PSNR in dB, a mean over images, of the pixels within a border.

    Args:
        border: pixels at each side that PSNR leaves out.
        parts, rest: those of System.
    """

    metric = "psnr"

    def __init__(self, *parts: Any, border: int, **rest: Any) -> None:
        super().__init__(*parts, **rest)
        self.border = border

    def measure(self, output: Tensor, target: Tensor) -> Tensor:
        """The sum of the images' PSNR."""
        return psnr(output, target, self.border).sum()
