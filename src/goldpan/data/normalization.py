"""How pixels in [0, 1] become a network's input: a mean is subtracted, a deviation divides.

| kind | mean and deviation | used by |
|---|---|---|
| channel | the dataset's, for each channel, rounded to four places | most papers |
| half | 0.5 and 0.5, so pixels lie in [-1, 1] | Panning's code, on MNIST |
| global | one of each, of all pixels of the training images | SNIP's code |
| image | each image's own, over all its pixels | TensorFlow's per_image_standardization |
| none | 0 and 1, so pixels stay in [0, 1] | SET's tutorial, Gradient Flow |

Training images include those that are held out for validation. Deviations are those of the
population: divided by the number of pixels, not by one less.
"""

import torch
from torch import Tensor

from goldpan.data.augment import normalize

KINDS = ("channel", "half", "global", "image", "none")

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and deviation of each channel; two empty tuples stand for each image's own."""


def find_statistics(kind: str, channel: Statistics, images: Tensor | None) -> Statistics:
    """Return the mean and the deviation that `kind` means for a dataset.

    Args:
        channel: those of the dataset for each channel.
        images: the training images, uint8 (N, C, H, W); None if they are not in memory.

    Raises:
        ValueError: for global when the images are not in memory.
    """
    channels = len(channel[0])
    if kind == "global":
        mean, deviation = _measure(images)
        return (mean,) * channels, (deviation,) * channels
    constant = {"half": (0.5, 0.5), "none": (0.0, 1.0)}
    if kind in constant:
        mean, deviation = constant[kind]
        return (mean,) * channels, (deviation,) * channels
    return channel if kind == "channel" else ((), ())


def normalize_by(images: Tensor, statistics: Tensor) -> Tensor:
    """Normalise uint8 images (N, C, H, W) by statistics (2, C); by their own if C is 0."""
    if statistics.numel():
        return normalize(images, statistics[0], statistics[1])
    return normalize_each(images)


def normalize_each(images: Tensor) -> Tensor:
    """Give each image of uint8 (N, C, H, W) mean 0 and deviation 1, as float32.

    As in TensorFlow, the deviation of the bytes is at least 1 / sqrt(their number in the image), so
    that an image of one colour becomes 0.
    """
    pixels = images.to(torch.float32)
    deviation, mean = torch.std_mean(pixels, (1, 2, 3), correction=0, keepdim=True)
    return (pixels - mean) / deviation.clamp_min(images[0].numel() ** -0.5)


def _measure(images: Tensor | None) -> tuple[float, float]:
    """The mean and the deviation of all pixels, exact: from how often each value occurs."""
    if images is None:
        raise ValueError(
            "expected dataset.normalization of channel, half, image or none for imagenet, got "
            "global, which would read every image first; choose channel"
        )
    counts = images.flatten().bincount(minlength=256).to(torch.float64)
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = (counts * values).sum() / counts.sum()
    variance = (counts * (values - mean) ** 2).sum() / counts.sum()
    return mean.item(), variance.sqrt().item()
