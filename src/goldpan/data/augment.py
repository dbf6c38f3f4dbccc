"""Crop, flip and normalise a whole batch at once, on the batch's own device.

The same distributions as torchvision's RandomCrop(size, padding) and RandomHorizontalFlip, in the
same order (crop and flip raw pixels, then normalise): the padding is black pixels.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Shift each image of (N, C, H, W) by one of (2 * padding + 1)**2 offsets, filled with zeros.

    The offsets are drawn on the generator's device and moved to the images'.
    """
    count, _, height, width = images.shape
    padded = F.pad(images, (padding,) * 4)
    y, x = torch.randint(
        2 * padding + 1, (2, count), generator=generator, device=generator.device
    ).to(images.device, non_blocking=True)
    if images.device.type == "cpu":  # numpy copies rows where torch copies pixels: 2.5x
        views = sliding_window_view(padded.numpy(), (height, width), (2, 3))
        return torch.from_numpy(views[np.arange(count), :, y.numpy(), x.numpy()])
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (N, C, 2p+1, 2p+1, H, W), a view
    crops: Tensor = windows[torch.arange(count, device=images.device), :, y, x]
    return crops


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image of (N, C, H, W) left to right with probability 1/2."""
    count = len(images)
    coins = torch.randint(2, (count,), generator=generator, device=generator.device)
    coins = coins.to(images.device, non_blocking=True)
    rows = torch.arange(count, device=images.device) + count * coins
    # Choosing rows copies whole images, 3x faster than torch.where on uint8.
    return torch.cat([images, images.flip(3)]).index_select(0, rows)


def normalize(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return (images / 255 - mean) / std as float32: uint8 (N, C, H, W); mean and std (C,)."""
    scale = (1 / (255 * std))[:, None, None]
    shift = (mean / std)[:, None, None]
    return images.to(torch.float32).mul_(scale).sub_(shift)
